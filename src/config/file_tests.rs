//! What a whole file may say, and where an error in it is said to be.

use super::Source;

fn read(text: &str, variables: &[(&str, &str)]) -> Result<String, String> {
    let source = Source {
        text,
        name: "omnicache.toml",
        within: &[],
    };
    let variables: Vec<(String, String)> = variables
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    source
        .read(&variables)
        .map(|config| serde_json::to_string(&config.expect("the whole file")).expect("plain data"))
}

#[test]
fn reads_caches_and_integrations() {
    let text = r#"
        [caches.users]
        strategy = "lru"
        max_size = 10_000
        default_ttl = "5m"
        backend = { type = "filesystem", directory = "./var", max_bytes = "1KiB" }
        fallback = "file:./var/users"
        jitter = 0.5
        timeout = { soft = 0.05, hard = "2s" }

        [caches.empty]

        [integrations.fastapi]
        default_cache = "users"
        response_cache_ttl = 300
        decorator_cache_ttl = "10m"
        cache_control_headers = true
        etag_headers = false
    "#;
    assert_eq!(
        read(text, &[("OMNICACHE_CACHES__SHORT", "file:./short")]).unwrap(),
        concat!(
            r#"{"caches":{"empty":{},"short":{"backend":"file:./short"},"users":{"strategy":{"type":"lru"},"#,
            r#""max_size":10000,"default_ttl":300.0,"jitter":0.5,"timeout":{"soft":0.05,"hard":2.0},"#,
            r#""backend":{"type":"filesystem","directory":"./var","max_bytes":1024},"fallback":"file:./var/users"}},"#,
            r#""integrations":{"fastapi":{"default_cache":"users","response_cache_ttl":300.0,"#,
            r#""decorator_cache_ttl":600.0,"cache_control_headers":true,"etag_headers":false}}}"#,
        ),
    );
    assert_eq!(read("", &[]).unwrap(), r#"{"caches":{},"integrations":{}}"#);
}

#[test]
fn says_the_line_and_the_keys() {
    for (text, expected) in [
        (
            "[caches.users]\nmax_sise = 5\n",
            "omnicache.toml:2: caches.users: there is no key \"max_sise\"; did you mean \"max_size\"?",
        ),
        (
            "[caches.users]\nstrategy = \"lru\"\n\nmax_size = \"many\"\n",
            "omnicache.toml:4: caches.users.max_size: invalid type: string \"many\", expected a number of entries",
        ),
        (
            "[caches.users]\nbackend = { type = \"filesystem\", directory = \"x\", max_byte = 5 }\n",
            "omnicache.toml:2: caches.users.backend: there is no option \"max_byte\"; did you mean \"max_bytes\"?",
        ),
        (
            "[caches.users.backend]\ntype = \"filesystem\"\n\n[caches.users.strategy]\ntype = \"lru\"\nageing = true\n",
            "omnicache.toml:1: caches.users.backend: \"filesystem\" needs \"directory\"",
        ),
        (
            "[caches.users.strategy]\ntype = \"lru\"\nageing = true\n",
            "omnicache.toml:3: caches.users.strategy: \"lru\" takes no \"ageing\"",
        ),
        (
            "\n[cache.users]\n",
            "omnicache.toml:2: there is no section \"cache\"; did you mean \"caches\"?",
        ),
        (
            "[caches.\"a b\"]\n",
            "omnicache.toml:1: caches: \"a b\" is no name; use letters, digits, _ and - only",
        ),
        (
            "caches = 5\n",
            "omnicache.toml:1: caches: invalid type: integer `5`, expected a table of caches by name",
        ),
        (
            "[caches]\nusers = 5\n",
            "omnicache.toml:2: caches.users: invalid type: integer `5`, expected a table of the options of a cache",
        ),
        (
            "[caches]\nusers = \"floppy:a\"\n",
            "omnicache.toml:2: caches.users: there is no such backend",
        ),
        (
            "[integrations.fastapi]\n\netag_header = true\n",
            "omnicache.toml:3: integrations.fastapi: there is no key \"etag_header\"; did you mean \"etag_headers\"?",
        ),
        (
            "[integrations.fastapi]\netag_headers = \"yes\"\n",
            "omnicache.toml:2: integrations.fastapi.etag_headers: invalid type: string \"yes\", expected a boolean",
        ),
        (
            "[integrations.flask]\n",
            "omnicache.toml:1: integrations: there is no integration \"flask\"",
        ),
        ("[caches.users\n", "omnicache.toml:1: it is no TOML: "),
        (
            "a = 1\na = 2\n",
            "omnicache.toml:2: it is no TOML: duplicate key",
        ),
        (
            "[caches.users]\ndefault_ttl = 2020-01-01\n",
            "omnicache.toml:2: a date belongs nowhere",
        ),
        (
            "[caches.users]\ndefault_ttl = inf\n",
            "omnicache.toml:2: a number of finite size",
        ),
        (
            "[caches.users]\nmax_size = 99999999999999999999\n",
            "omnicache.toml:2: the number is too large",
        ),
        (
            "[caches.users]\ntags = [\"a\"]\n",
            "omnicache.toml:2: caches.users: there is no key \"tags\"",
        ),
    ] {
        let message = read(text, &[]).expect_err(text);
        assert!(message.starts_with(expected), "{text:?} says {message:?}");
    }
}

#[test]
fn variables_go_before_the_file() {
    let text = "[caches.my-Users]\nmax_size = 5\nbackend = \"memory\"\n";
    let read = |variables| read(text, variables);
    assert_eq!(
        read(&[
            ("OMNICACHE_CACHES__MY_USERS__MAX_SIZE", "7"),
            ("OMNICACHE_CACHES__MY_USERS__DEFAULT_TTL", "5m"),
            ("OMNICACHE_CACHES__NEW__STRATEGY__TYPE", "lfu"),
            ("OMNICACHE_CACHES__NEW__NAMESPACE", "\"5\""),
            ("OMNICACHE_CONFIG", "elsewhere.toml"),
            ("OMNICACHE_INTEGRATIONS__FASTAPI__ETAG_HEADERS", "false"),
        ])
        .unwrap(),
        concat!(
            r#"{"caches":{"my-Users":{"max_size":7,"default_ttl":300.0,"backend":"memory"},"#,
            r#""new":{"strategy":{"type":"lfu"},"namespace":"5"}},"integrations":{"fastapi":{"etag_headers":false}}}"#,
        ),
    );
}

#[test]
fn an_address_alone_takes_options_from_variables() {
    let text = "[caches]\nusers = \"file:./x\"\n";
    assert_eq!(
        read(text, &[("OMNICACHE_CACHES__USERS__MAX_SIZE", "7")]).unwrap(),
        r#"{"caches":{"users":{"max_size":7,"backend":"file:./x"}},"integrations":{}}"#,
    );
}

#[test]
fn names_the_variable() {
    for (variable, value, expected) in [
        (
            "OMNICACHE_CACHES__USERS__MAX_SIZE",
            "many",
            "the variable OMNICACHE_CACHES__USERS__MAX_SIZE: caches.users.max_size: invalid type: string \"many\"",
        ),
        (
            "OMNICACHE_CACHES__USERS__MAX_SISE",
            "5",
            "the variable OMNICACHE_CACHES__USERS__MAX_SISE: caches.users: there is no key \"max_sise\"; did you mean",
        ),
        (
            "OMNICACHE_CACHES__USERS",
            "5",
            "the variable OMNICACHE_CACHES__USERS: caches.users: invalid type: integer `5`",
        ),
        (
            "OMNICACHE_CACHES__USERS",
            "{\"max_size\": 0}",
            "the variable OMNICACHE_CACHES__USERS: caches.users.max_size: ",
        ),
        (
            "OMNICACHE_CACHE__USERS",
            "5",
            "the variable OMNICACHE_CACHE__USERS: there is no section \"cache\"; did you mean \"caches\"?",
        ),
        (
            "OMNICACHE_CACHES__",
            "5",
            "the variable OMNICACHE_CACHES__: a name is missing",
        ),
        (
            "OMNICACHE_CACHES__USERS__DEFAULT_TTL__X",
            "5",
            "the variable OMNICACHE_CACHES__USERS__DEFAULT_TTL__X: caches.users.default_ttl is no table",
        ),
    ] {
        let message =
            read("[caches.users]\ndefault_ttl = 5\n", &[(variable, value)]).expect_err(variable);
        assert!(message.starts_with(expected), "{variable} says {message:?}");
    }
}

#[test]
fn reads_a_table_within_a_file() {
    let text = "[project]\nname = \"x\"\n[tool.omnicache.caches.users]\nmax_sise = 5\n";
    let source = Source {
        text,
        name: "pyproject.toml",
        within: &["tool", "omnicache"],
    };
    let message = source.read(&[]).unwrap_err();
    assert!(message.starts_with(
        "pyproject.toml:4: tool.omnicache.caches.users: there is no key \"max_sise\""
    ));
    let message = Source {
        text: "tool = 5",
        ..source
    }
    .read(&[])
    .unwrap_err();
    assert_eq!(
        message,
        "pyproject.toml:1: tool.omnicache: a table is expected"
    );
    assert!(Source { text: "", ..source }.read(&[]).unwrap().is_none());
}
