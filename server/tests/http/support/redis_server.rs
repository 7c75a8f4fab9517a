//! A Redis of the test's own, which can be taken away and given back.

use std::process::{Child, Command, Stdio};

use crate::programs::eventually;

/// The server; it ends with the test.
pub struct RedisServer {
    port: u16,
    folder: tempfile::TempDir,
    running: Option<Child>,
}

impl RedisServer {
    pub async fn start() -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let mut server = Self {
            port: listener.local_addr().unwrap().port(),
            folder: tempfile::tempdir().unwrap(),
            running: None,
        };
        drop(listener);
        server.give_back().await;
        server
    }

    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Kills it; what it held is gone.
    pub fn take_away(&mut self) {
        let mut running = self.running.take().unwrap();
        running.kill().unwrap();
        running.wait().unwrap();
    }

    pub const fn is_there(&self) -> bool {
        self.running.is_some()
    }

    /// Stops it where it stands: connections stay, and nothing answers.
    pub fn freeze(&self) {
        self.signal("-STOP");
    }

    pub fn thaw(&self) {
        self.signal("-CONT");
    }

    fn signal(&self, name: &str) {
        let id = self.running.as_ref().unwrap().id().to_string();
        assert!(Command::new("kill").args([name, &id]).status().unwrap().success());
    }

    /// Starts it again at the same address.
    pub async fn give_back(&mut self) {
        let running = Command::new("redis-server")
            .args(["--port", &self.port.to_string(), "--bind", "127.0.0.1"])
            .args(["--save", "", "--appendonly", "no"])
            .current_dir(self.folder.path())
            .stdout(Stdio::null())
            .spawn();
        self.running = Some(running.expect("redis-server, which scripts/setup test brings"));
        eventually("Redis answers", async || {
            let said = self.cli(&["ping"]);
            (said.trim() == "PONG").then_some(())
        })
        .await;
    }

    /// What it answers, line by line.
    pub fn cli(&self, words: &[&str]) -> String {
        let output = Command::new("redis-cli")
            .args(["-p", &self.port.to_string()])
            .args(words)
            .output();
        String::from_utf8(output.unwrap().stdout).unwrap()
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        if let Some(mut running) = self.running.take() {
            let _ = running.kill();
            let _ = running.wait();
        }
    }
}
