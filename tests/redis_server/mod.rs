//! A real server for tests, on a free port of this machine; it ends with the test.
#![allow(dead_code)] // each test uses a part

pub(crate) mod cluster;

use omnicache::far::redis::{Host, Options, RedisStore, Target};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// A running server.
pub(crate) struct Server {
    process: Child,
    pub(crate) port: u16,
    dir: tempfile::TempDir,
}

fn binary() -> PathBuf {
    if let Some(path) = std::env::var_os("OMNICACHE_REDIS_SERVER") {
        return path.into();
    }
    let found = std::env::var_os("PATH").and_then(|path| {
        std::env::split_paths(&path)
            .map(|dir| dir.join("redis-server"))
            .find(|file| file.is_file())
    });
    found.expect(
        "redis-server is not installed: install it, or name its path in OMNICACHE_REDIS_SERVER",
    )
}

fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    listener.local_addr().unwrap().port()
}

impl Server {
    /// Starts one with these settings on top of the usual ones.
    pub(crate) fn start(settings: &[&str]) -> Self {
        for _ in 0..20 {
            let port = free_port();
            if let Some(server) = Self::try_start(port, settings) {
                return server;
            }
        }
        panic!("redis-server does not start");
    }

    fn try_start(port: u16, settings: &[&str]) -> Option<Self> {
        let dir = tempfile::tempdir().unwrap();
        let mut command = Command::new(binary());
        command
            .args(["--port", &port.to_string(), "--bind", "127.0.0.1"])
            .args(["--save", "", "--appendonly", "no"])
            .args(["--unixsocket", "redis.sock", "--dir"])
            .arg(dir.path())
            .args(settings);
        Self::run(command, port, dir)
    }

    fn run(mut command: Command, port: u16, dir: tempfile::TempDir) -> Option<Self> {
        command
            .current_dir(dir.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let mut process = command.spawn().unwrap();
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            if process.try_wait().unwrap().is_some() {
                return None; // somebody else took the port
            }
            if TcpStream::connect(("127.0.0.1", port)).is_ok() {
                break;
            }
            assert!(Instant::now() < deadline, "redis-server does not answer");
            std::thread::sleep(Duration::from_millis(5));
        }
        Some(Self { process, port, dir })
    }

    /// Starts a sentinel with this configuration.
    pub(crate) fn sentinel(configuration: &str) -> Self {
        for _ in 0..20 {
            let port = free_port();
            let dir = tempfile::tempdir().unwrap();
            let file = dir.path().join("sentinel.conf");
            let text = format!("port {port}\nbind 127.0.0.1\n{configuration}");
            std::fs::write(&file, text).unwrap();
            let mut command = Command::new(binary());
            command.arg(&file).arg("--sentinel");
            if let Some(server) = Self::run(command, port, dir) {
                return server;
            }
        }
        panic!("the sentinel does not start");
    }

    /// Sends a signal to it.
    pub(crate) fn signal(&self, signal: &str) {
        let pid = self.process.id().to_string();
        let sent = Command::new("kill").args(["-s", signal, &pid]).status();
        assert!(sent.unwrap().success());
    }

    /// Ends it at once, and starts another, empty one in its place.
    pub(crate) fn restart(&mut self) {
        self.kill();
        let deadline = Instant::now() + Duration::from_secs(20);
        while Instant::now() < deadline {
            if let Some(mut server) = Self::try_start(self.port, &[]) {
                std::mem::swap(self, &mut server);
                return;
            }
        }
        panic!("redis-server does not start again");
    }

    /// Ends it at once.
    pub(crate) fn kill(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }

    /// Its process.
    pub(crate) fn pid(&self) -> u32 {
        self.process.id()
    }

    /// Where its socket is.
    pub(crate) fn socket(&self) -> PathBuf {
        self.dir.path().join("redis.sock")
    }

    /// How it is reached.
    pub(crate) fn options(&self) -> Options {
        Options::new(Target::Single(Host::new("127.0.0.1", self.port)))
    }

    /// A store on it.
    pub(crate) fn store(&self) -> RedisStore {
        RedisStore::open(self.options(), "test", "cache").unwrap()
    }

    /// A store on it with connections of its own, as another process would have them.
    pub(crate) fn stranger(&self) -> RedisStore {
        let mut options = self.options();
        options.client_name = format!("stranger-{}", free_port());
        RedisStore::open(options, "test", "cache").unwrap()
    }

    /// What the server answers to a command, as its own client would show it.
    pub(crate) fn ask(&self, words: &[&str]) -> String {
        let mut connection = redis::Client::open(("127.0.0.1", self.port))
            .unwrap()
            .get_connection()
            .unwrap();
        let mut command = redis::cmd(words[0]);
        for word in &words[1..] {
            command.arg(*word);
        }
        let answer: redis::Value = command.query(&mut connection).unwrap();
        format!("{answer:?}")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Nanoseconds since 1970.
pub(crate) fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_nanos() as u64
}

/// Waits until `holds` says that it does, for what another thread or process does by itself.
pub(crate) fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !holds() {
        assert!(Instant::now() < deadline, "not in time: {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}
