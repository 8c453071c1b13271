//! The options that a URL says. What is wrong with one is told without repeating its password.

use super::options::{Host, Login, Options, PORT, SENTINEL_PORT, Secret, Target, Tls};
use std::path::PathBuf;
use std::time::Duration;

const SCHEMES: &str = "redis://, rediss://, redis+unix://, redis+sentinel://, rediss+sentinel://, redis+cluster:// or \
                       rediss+cluster://";

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Single,
    Unix,
    Sentinel,
    Cluster,
}

/// The options in `url`.
pub(super) fn parse(url: &str) -> Result<Options, String> {
    let (scheme, rest) = url.split_once("://").ok_or_else(|| {
        format!("it has no scheme: begin it with {SCHEMES}, as in redis://localhost:6379/0")
    })?;
    let scheme = scheme.to_ascii_lowercase();
    let (family, kind) = scheme.split_once('+').unwrap_or((&scheme, ""));
    let encrypted = match family {
        "redis" | "valkey" => false,
        "rediss" | "valkeys" => true,
        _ => return Err(format!("scheme {scheme:?} is not known: use {SCHEMES}")),
    };
    let kind = match kind {
        "" => Kind::Single,
        "unix" | "socket" if !encrypted => Kind::Unix,
        "sentinel" => Kind::Sentinel,
        "cluster" => Kind::Cluster,
        _ => return Err(format!("scheme {scheme:?} is not known: use {SCHEMES}")),
    };
    if rest.contains('#') {
        return Err("it holds a \"#\": write %23 if it belongs to a name or a password".to_owned());
    }
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    // A password may hold an @ that nobody escaped; a host or a path of ours does not.
    let (login, place) = match kind {
        Kind::Unix => match rest.split_once('/') {
            Some((login, _)) if login.ends_with('@') => {
                (&login[..login.len() - 1], &rest[login.len()..])
            }
            _ => ("", rest),
        },
        _ => rest.rsplit_once('@').unwrap_or(("", rest)),
    };
    let mut options = Options::new(target(kind, place)?);
    options.login = login_of(login)?;
    options.tls = encrypted.then(Tls::default);
    if let Some(db) = db_of(kind, place)? {
        options.db = db;
    }
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        set(&mut options, &decode("option", name)?, value)?;
    }
    if kind == Kind::Cluster && options.db != 0 {
        return Err(format!(
            "database {}: a cluster has database 0 only",
            options.db
        ));
    }
    Ok(options)
}

fn target(kind: Kind, place: &str) -> Result<Target, String> {
    if kind == Kind::Unix {
        if !place.starts_with('/') {
            return Err(
                "the path of the socket must be absolute, as in redis+unix:///run/redis.sock"
                    .to_owned(),
            );
        }
        return Ok(Target::Unix(PathBuf::from(decode("path", place)?)));
    }
    let (list, path) = place.split_once('/').unwrap_or((place, ""));
    Ok(match kind {
        Kind::Sentinel => {
            let master = path.split('/').next().unwrap_or_default();
            if master.is_empty() {
                return Err(
                    "it does not name the master: write redis+sentinel://host:26379/name-of-the-master"
                        .to_owned(),
                );
            }
            Target::Sentinel {
                sentinels: hosts(list, SENTINEL_PORT)?,
                master: decode("name of the master", master)?,
                login: Login::default(),
            }
        }
        Kind::Cluster => Target::Cluster(hosts(list, PORT)?),
        _ => {
            let mut hosts = hosts(list, PORT)?;
            if hosts.len() > 1 {
                return Err(
                    "it names several hosts: use redis+cluster:// or redis+sentinel:// for them"
                        .to_owned(),
                );
            }
            Target::Single(hosts.remove(0))
        }
    })
}

fn db_of(kind: Kind, place: &str) -> Result<Option<i64>, String> {
    if kind == Kind::Unix {
        return Ok(None);
    }
    let mut parts = place.split('/').skip(1);
    if kind == Kind::Sentinel {
        parts.next();
    }
    match (parts.next().unwrap_or_default(), parts.next()) {
        ("", None) => Ok(None),
        (db, None | Some("")) => number_of_db(db).map(Some),
        (_, Some(more)) => Err(format!(
            "nothing is known of {more:?} behind the number of the database"
        )),
    }
}

fn number_of_db(text: &str) -> Result<i64, String> {
    match text.parse() {
        Ok(db) if db >= 0 => Ok(db),
        _ => Err(format!(
            "database {text:?} is no number: write it as in redis://localhost:6379/0"
        )),
    }
}

fn login_of(text: &str) -> Result<Login, String> {
    if text.is_empty() {
        return Ok(Login::default());
    }
    let (user, password) = text.split_once(':').unwrap_or((text, ""));
    let hidden = |_| {
        "user or password holds a % that no two hex digits follow: write %25 for a percent sign"
            .to_owned()
    };
    let user = decode("user", user).map_err(hidden)?;
    let password = decode("password", password).map_err(hidden)?;
    Ok(Login {
        user: (!user.is_empty()).then_some(user),
        password: (!password.is_empty()).then(|| Secret::new(password)),
    })
}

fn hosts(list: &str, port: u16) -> Result<Vec<Host>, String> {
    list.split(',').map(|host| host_of(host, port)).collect()
}

/// A host with its port, or with this one.
pub(super) fn host_of(text: &str, port: u16) -> Result<Host, String> {
    let wrong = || format!("{text:?} is no host with a port: write localhost:6379, or [::1]:6379");
    let (name, rest) = match text.strip_prefix('[') {
        Some(text) => text.split_once(']').ok_or_else(wrong)?,
        None => match text.rsplit_once(':') {
            Some((name, _)) => (name, &text[name.len()..]),
            None => (text, ""),
        },
    };
    let port = match rest.strip_prefix(':') {
        Some(digits) => digits
            .parse()
            .ok()
            .filter(|port| *port > 0)
            .ok_or_else(wrong)?,
        None if rest.is_empty() => port,
        None => return Err(wrong()),
    };
    if !text.starts_with('[') && name.contains(':') {
        return Err(wrong());
    }
    let name = if name.is_empty() { "localhost" } else { name };
    Ok(Host::new(decode("host", name)?, port))
}

fn set(options: &mut Options, name: &str, value: &str) -> Result<(), String> {
    let text = || decode(name, value);
    let tls = |options: &mut Options| match options.tls {
        Some(_) => Ok(()),
        None => Err(format!(
            "option {name:?} is for encrypted connections: begin the URL with rediss"
        )),
    };
    match name {
        "timeout" => options.timeout = seconds(name, value)?,
        "connect_timeout" => options.connect_timeout = seconds(name, value)?,
        "db" => options.db = number_of_db(value)?,
        "prefix" => {
            options.prefix = text()?;
            if options.prefix.is_empty() {
                return Err("option \"prefix\" is empty: leave it out for \"omnicache\"".to_owned());
            }
        }
        "client_name" => options.client_name = text()?,
        "ca" | "cert" | "key" | "insecure" => {
            tls(options)?;
            let value = text()?;
            let tls = options.tls.get_or_insert_default();
            match name {
                "ca" => tls.ca = Some(value.into()),
                "cert" => tls.cert = Some(value.into()),
                "key" => tls.key = Some(value.into()),
                _ => tls.insecure = truth(name, &value)?,
            }
        }
        "sentinel_user" | "sentinel_password" => {
            let value = text()?;
            let Target::Sentinel { login, .. } = &mut options.target else {
                return Err(format!("option {name:?} is for redis+sentinel:// only"));
            };
            if name == "sentinel_user" {
                login.user = Some(value);
            } else {
                login.password = Some(Secret::new(value));
            }
        }
        _ => {
            return Err(format!(
                "option {name:?} is not known: there are timeout, connect_timeout, db, prefix, client_name, ca, cert, \
                 key, insecure, sentinel_user and sentinel_password"
            ));
        }
    }
    Ok(())
}

fn seconds(name: &str, text: &str) -> Result<Duration, String> {
    let seconds = text.parse().ok().filter(|seconds| *seconds > 0.0);
    seconds
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .ok_or_else(|| format!("option {name:?} is {text:?}: write seconds, as in {name}=0.5"))
}

fn truth(name: &str, text: &str) -> Result<bool, String> {
    match text {
        "true" | "1" | "yes" => Ok(true),
        "false" | "0" | "no" => Ok(false),
        _ => Err(format!("option {name:?} is {text:?}: write true or false")),
    }
}

/// The text that is percent-encoded in `text`.
fn decode(what: &str, text: &str) -> Result<String, String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digits = after.first_chunk().copied().and_then(hex).ok_or_else(|| {
            format!("{what} holds a % that no two hex digits follow: write %25 for a percent sign")
        })?;
        bytes.push(digits);
        rest = &after[2..];
    }
    String::from_utf8(bytes).map_err(|_| format!("{what} is not UTF-8"))
}

/// The byte that two hex digits are.
pub(super) fn hex(digits: [u8; 2]) -> Option<u8> {
    let digit = |byte: u8| (byte as char).to_digit(16);
    Some((digit(digits[0])? * 16 + digit(digits[1])?) as u8)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn host(name: &str, port: u16) -> Host {
        Host::new(name, port)
    }

    #[test]
    fn a_server_with_everything() {
        let options = parse(
            "rediss://me:s%40crt@example.org:7000/3?timeout=0.5&connect_timeout=2&ca=/etc/ca.pem&insecure=true&prefix=p",
        )
        .unwrap();
        assert_eq!(options.target, Target::Single(host("example.org", 7000)));
        assert_eq!(options.login.user.as_deref(), Some("me"));
        assert_eq!(options.login.password.as_ref().unwrap().reveal(), "s@crt");
        assert_eq!(options.db, 3);
        assert_eq!(options.timeout, Duration::from_millis(500));
        assert_eq!(options.prefix, "p");
        let tls = options.tls.as_ref().unwrap();
        assert_eq!(tls.ca.as_deref(), Some("/etc/ca.pem".as_ref()));
        assert!(tls.insecure);
        assert!(!format!("{options:?}{}", options.address()).contains("s@crt"));
        assert_eq!(options.address(), "rediss://example.org:7000/3");
    }

    #[test]
    fn what_is_left_out_is_usual() {
        let options = parse("redis://").unwrap();
        assert_eq!(
            options,
            Options::new(Target::Single(host("localhost", PORT)))
        );
        assert_eq!(
            parse("valkey://[::1]").unwrap().target,
            Target::Single(host("::1", PORT))
        );
        assert_eq!(parse("redis://:pw@h").unwrap().login.user, None);
        assert_eq!(parse("redis://h?db=2").unwrap().db, 2);
    }

    #[test]
    fn sockets_sentinels_and_clusters() {
        let unix = parse("redis+unix://me:pw@/run/redis.sock?db=1").unwrap();
        assert_eq!(unix.target, Target::Unix("/run/redis.sock".into()));
        assert_eq!((unix.db, unix.login.user.as_deref()), (1, Some("me")));
        let sentinel = parse("redis+sentinel://a,b:1/main/4?sentinel_password=x").unwrap();
        assert_eq!(sentinel.db, 4);
        let login = Login {
            user: None,
            password: Some(Secret::new("x")),
        };
        assert_eq!(
            sentinel.target,
            Target::Sentinel {
                sentinels: vec![host("a", SENTINEL_PORT), host("b", 1)],
                master: "main".to_owned(),
                login
            }
        );
        let cluster = parse("rediss+cluster://a:1,b:2").unwrap();
        assert_eq!(
            cluster.target,
            Target::Cluster(vec![host("a", 1), host("b", 2)])
        );
        assert!(cluster.tls.is_some());
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (url, words) in [
            ("localhost", "no scheme"),
            ("http://x", "\"http\" is not known"),
            ("redis://a,b", "several hosts"),
            ("redis://a:b", "no host with a port"),
            ("redis://a:0", "no host with a port"),
            ("redis://::1", "no host with a port"),
            ("redis://a/x", "database \"x\""),
            ("redis://a/1/2", "\"2\""),
            ("redis+unix://run", "absolute"),
            ("redis+sentinel://a", "name the master"),
            ("redis+cluster://a/1", "database 0 only"),
            ("redis://a?timeout=0", "seconds"),
            ("redis://a?nothing=1", "\"nothing\" is not known"),
            ("redis://a?ca=x", "rediss"),
            ("redis://a?sentinel_user=x", "sentinel"),
            ("redis://a:p%zz@b", "percent"),
        ] {
            let error = parse(url).unwrap_err();
            assert!(error.contains(words), "{url}: {error}");
        }
    }

    proptest! {
        #[test]
        fn no_error_shows_the_password(rest in "[a-z0-9:/?,=&%\\[\\]]{0,24}") {
            if let Err(error) = parse(&format!("redis://u:XSECRETX%zz@{rest}")) {
                prop_assert!(!error.contains("XSECRETX"), "{}", error);
            }
            if let Ok(options) = parse(&format!("redis://u:XSECRETX@{rest}")) {
                let shown = format!("{options:?}{}", options.address());
                prop_assert!(!shown.contains("XSECRETX"), "{}", shown);
            }
        }

        #[test]
        fn any_text_is_an_answer(text in "\\PC{0,40}") {
            let _ = parse(&text);
        }
    }
}
