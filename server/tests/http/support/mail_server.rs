//! A mail server on this machine that answers a recipient as it is told, and quotes them while it does, as real ones do.

use std::sync::{Arc, Mutex};

use backend::{Backend, mail::Mailer};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    net::{TcpListener, TcpStream},
};

/// It listens until it is dropped.
pub struct MailServer {
    port: u16,
    reported: Arc<Mutex<Told>>,
    listening: tokio::task::JoinHandle<()>,
}

#[derive(Default)]
struct Told {
    /// What it answers to a recipient: a number and an enhanced one.
    refusal: Option<&'static str>,
    recipients: Vec<String>,
    emails: usize,
}

impl MailServer {
    /// Takes everything.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let reported = Arc::<Mutex<Told>>::default();
        let shared = reported.clone();
        let listening = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(talk(stream, shared.clone()));
            }
        });
        Self {
            port,
            reported,
            listening,
        }
    }

    /// What `backend` sends goes here from now on.
    pub fn take_over(&self, backend: &mut Backend) {
        let mut config = (*backend.config).clone();
        config.mail.smtp_url = format!("smtp://127.0.0.1:{}", self.port).into();
        backend.mailer = Mailer::new(&config).unwrap();
    }

    /// Refuses every recipient with this, such as `550 5.1.1`; takes them again with `None`.
    pub fn refuse(&self, with: Option<&'static str>) {
        self.reported.lock().unwrap().refusal = with;
    }

    /// How often somebody was named as a recipient.
    pub fn attempts(&self) -> usize {
        self.reported.lock().unwrap().recipients.len()
    }

    /// How many emails it has taken.
    pub fn taken(&self) -> usize {
        self.reported.lock().unwrap().emails
    }
}

impl Drop for MailServer {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

async fn talk(stream: TcpStream, reported: Arc<Mutex<Told>>) {
    let (read, mut write) = stream.into_split();
    let mut lines = BufReader::new(read).lines();
    let mut is_email = false;
    if write.write_all(b"220 ready\r\n").await.is_err() {
        return;
    }
    while let Ok(Some(line)) = lines.next_line().await {
        if is_email && line != "." {
            continue;
        }
        let answer = answer(&line, is_email, &mut reported.lock().unwrap());
        is_email = line == "DATA";
        if write.write_all(format!("{answer}\r\n").as_bytes()).await.is_err() {
            return;
        }
    }
}

fn answer(line: &str, is_email: bool, reported: &mut Told) -> String {
    if is_email {
        reported.emails += 1;
        return "250 taken".to_owned();
    }
    match line.split([' ', ':']).next() {
        Some("RCPT") => {
            let recipient = line.trim_start_matches("RCPT TO:").to_owned();
            reported.recipients.push(recipient.clone());
            reported.refusal.map_or_else(
                || "250 known".to_owned(),
                |with| format!("{with} {recipient}: Recipient address rejected: User unknown"),
            )
        }
        Some("DATA") => "354 go on".to_owned(),
        Some("QUIT") => "221 bye".to_owned(),
        _ => "250 ok".to_owned(),
    }
}
