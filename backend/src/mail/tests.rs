use std::collections::BTreeSet;

use super::*;
use crate::config::Sources;

const NASTY: &str =
    "Night\r\nBcc: victim@example.org\r\n\r\n<script>alert(1)</script>\u{202e} 夜 “drive” & more";

fn config() -> Config {
    Config::load(Sources::default()).unwrap()
}

fn mailer() -> Mailer {
    Mailer {
        from: config().mail.from.parse().unwrap(),
        way: Transport::Files(PathBuf::new()),
        sent_within: SENT_WITHIN,
    }
}

/// The email as it goes out, and as a mail program reads it.
fn sent(email: &Email) -> (String, StoredEmail) {
    let message = mailer().compose(Uuid::from_u128(1), email).unwrap();
    let source = String::from_utf8(message.formatted()).unwrap();
    (source.clone(), StoredEmail::read(source).unwrap())
}

fn headers(source: &str) -> Vec<&str> {
    let (head, _) = source.split_once("\r\n\r\n").unwrap();
    head.split("\r\n")
        .filter(|line| !line.starts_with([' ', '\t']))
        .collect()
}

#[test]
fn p26_every_email_has_text_and_html_that_say_the_same() {
    let config = config();
    for email in EmailTemplates::from(&config).previews("ann@example.org", "Night drive") {
        let (_, read) = sent(&email);
        assert_eq!(read.to, "ann@example.org");
        assert_eq!(read.subject, email.subject);
        assert!(
            read.header("Content-Type")
                .unwrap()
                .starts_with("multipart/alternative")
        );
        let plain: String = read
            .html
            .split_once("<body")
            .unwrap()
            .1
            .split('<')
            .filter_map(|tag| tag.split_once('>'))
            .map(|(_, words)| words)
            .collect();
        let unescaped = plain
            .replace("&lt;", "<")
            .replace("&gt;", ">")
            .replace("&quot;", "\"")
            .replace("&amp;", "&");
        for block in &email.blocks {
            let words = match block {
                Block::Text(words) | Block::Note(words) => vec![words.clone()],
                Block::Button { label, url } => vec![(*label).to_owned(), url.clone()],
                Block::Link { label, url } => vec![label.clone(), url.clone()],
            };
            for words in words {
                assert!(read.text.contains(&words), "{}: {words}", email.subject);
                let is_link = read.html.contains(&format!("href=\"{words}\""));
                assert!(
                    unescaped.contains(&words) || is_link,
                    "{}: {words}\n{unescaped}",
                    email.subject
                );
            }
        }
    }
}

#[test]
fn p26_an_email_loads_nothing_follows_nobody_and_leads_to_us_alone() {
    let config = config();
    for email in EmailTemplates::from(&config).previews("ann@example.org", "Night drive") {
        let html = email.html();
        for tag in [
            "<img",
            "<link",
            "<script",
            "<iframe",
            "url(",
            "@import",
            "src=",
            "background=",
        ] {
            assert!(!html.contains(tag), "{}: {tag}", email.subject);
        }
        for address in html.split("href=\"").skip(1) {
            assert!(
                address.starts_with(&config.base_url),
                "{}: {address}",
                email.subject
            );
        }
        assert!(html.contains("color-scheme") && html.contains("prefers-color-scheme:dark"));
    }
}

#[test]
fn p26_the_provider_receives_the_address_and_the_text_alone() {
    let config = config();
    let allowed: BTreeSet<&str> = [
        "From",
        "To",
        "Subject",
        "Date",
        "Message-ID",
        "MIME-Version",
        "Content-Type",
        "Auto-Submitted",
        "List-Unsubscribe",
        "List-Unsubscribe-Post",
    ]
    .into();
    for email in EmailTemplates::from(&config).previews("ann@example.org", "Night drive") {
        let (source, _) = sent(&email);
        for header in headers(&source) {
            let name = header.split(':').next().unwrap();
            assert!(allowed.contains(name), "{header}");
        }
        assert!(
            source.contains("To: ann@example.org\r\n"),
            "no name beside the address"
        );
    }
}

#[test]
fn p16_what_may_be_declined_and_nothing_else_can_be_declined_with_one_click() {
    let config = config();
    let emails = EmailTemplates::from(&config).previews("ann@example.org", "Night drive");
    let mut declinable = 0;
    for email in &emails {
        let (_, read) = sent(email);
        let post = read.header("List-Unsubscribe-Post");
        match &email.unsubscribe {
            Some(unsubscribe) => {
                declinable += 1;
                assert_eq!(
                    read.header("List-Unsubscribe"),
                    Some(format!("<{}>", unsubscribe.one_click))
                );
                assert_eq!(post.as_deref(), Some("List-Unsubscribe=One-Click"));
                assert!(read.text.contains(&unsubscribe.page) && read.html.contains(&unsubscribe.page));
            }
            None => assert_eq!(
                (read.header("List-Unsubscribe"), post),
                (None, None),
                "{}",
                email.subject
            ),
        }
    }
    assert_eq!(
        declinable, 6,
        "an analysis done, failed, or several; a render done or failed; and news"
    );
}

#[test]
fn what_a_person_typed_makes_no_header_no_markup_and_no_line_of_its_own() {
    let config = config();
    let plain: Vec<Vec<String>> = EmailTemplates::from(&config)
        .previews("ann@example.org", "Night drive")
        .iter()
        .map(|email| names(&sent(email).0))
        .collect();
    for nasty in [
        NASTY,
        &NASTY.repeat(500),
        "\u{2028}\u{85}Subject: x",
        "=?utf-8?Q?a=0D=0ABcc:_b?=",
    ] {
        let emails = EmailTemplates::from(&config).previews("ann@example.org", nasty);
        for (email, plain) in emails.iter().zip(&plain) {
            let (source, read) = sent(email);
            assert_eq!(&names(&source), plain, "the same headers: {source}");
            assert_eq!(read.to, "ann@example.org");
            assert!(
                !read.subject.contains(['\r', '\n', '\u{202e}']),
                "{:?}",
                read.subject
            );
            assert!(read.subject.chars().count() < 100, "{:?}", read.subject);
            assert!(!read.html.contains("<script"), "{}", read.html);
            assert!(
                !read.text.lines().any(|line| line.starts_with("Bcc")),
                "{}",
                read.text
            );
            assert!(source.lines().all(|line| line.len() < 998), "RFC 5322 2.1.1");
            assert!(source.is_ascii());
        }
    }
}

#[test]
fn an_email_to_strangers_holds_nothing_that_somebody_typed() {
    let config = config();
    let emails = EmailTemplates::from(&config);
    let words = "Buy now at evil.example";
    let typed: Vec<Email> = emails
        .previews("ann@example.org", words)
        .into_iter()
        .filter(|email| email.text().contains(words))
        .collect();
    // Welcome goes to an address that was confirmed; the others to one that was confirmed long ago.
    let subjects: Vec<&str> = typed
        .iter()
        .map(|email| email.subject.split(':').next().unwrap())
        .collect();
    assert_eq!(
        subjects,
        [
            "Welcome to MixLens",
            "Measured",
            "Not measured",
            "Measured",
            "Rendered",
            "Not rendered",
            "A new API token for your MixLens account"
        ]
    );
}

#[test]
fn an_address_that_is_two_or_has_a_line_break_is_refused() {
    let config = config();
    for address in [
        "ann@example.org\r\nBcc: bob@example.org",
        "ann@example.org, bob@example.org",
        "Ann <ann@example.org>",
        "ann@example.org\n",
        "",
    ] {
        let email = EmailTemplates::from(&config).has_account(address.to_owned());
        assert!(
            matches!(mailer().compose(Uuid::nil(), &email), Err(SendError::Refused(_))),
            "{address:?}"
        );
    }
}

fn names(source: &str) -> Vec<String> {
    headers(source)
        .iter()
        .map(|header| header.split(':').next().unwrap().to_owned())
        .collect()
}

/// A mail server that says what it is told to say and hears what it is sent, without TLS.
async fn server(answers: &'static [(&'static str, &'static str)]) -> (u16, tokio::task::JoinHandle<String>) {
    use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let heard = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let (read, mut write) = stream.into_split();
        let mut lines = BufReader::new(read).lines();
        let mut heard = String::new();
        let mut in_email = false;
        write.write_all(b"220 ready\r\n").await.unwrap();
        while let Ok(Some(line)) = lines.next_line().await {
            heard += &format!("{line}\n");
            if in_email && line != "." {
                continue;
            }
            in_email = line == "DATA";
            let answer = answers
                .iter()
                .find(|(command, _)| line.starts_with(command))
                .map_or("250 ok", |(_, answer)| answer);
            if write.write_all(format!("{answer}\r\n").as_bytes()).await.is_err() {
                break;
            }
        }
        heard
    });
    (port, heard)
}

async fn send_to(url: &str) -> Result<(), SendError> {
    let mut config = config();
    config.mail.smtp_url = url.to_owned().into();
    let email = EmailTemplates::from(&config).welcome("ann@example.org".into(), "Ann");
    Mailer::new(&config)
        .unwrap()
        .send(Uuid::from_u128(1), &email)
        .await
}

#[tokio::test]
async fn p26_an_email_reaches_the_server_with_the_address_alone_in_its_envelope() {
    let (port, heard) = server(&[("DATA", "354 go on"), ("QUIT", "221 bye")]).await;
    send_to(&format!("smtp://127.0.0.1:{port}")).await.unwrap();
    let heard = heard.await.unwrap();
    assert!(heard.contains("RCPT TO:<ann@example.org>\n"), "{heard}");
    assert_eq!(heard.matches("RCPT TO").count(), 1);
    assert!(heard.contains("Subject: Welcome to MixLens\n"), "{heard}");
    assert!(heard.contains("multipart/alternative"), "{heard}");
}

#[tokio::test]
async fn p26_a_server_that_cannot_encrypt_hears_no_password_and_no_email() {
    let (port, heard) = server(&[("EHLO", "250 just plain text"), ("QUIT", "221 bye")]).await;
    let url = format!("smtp://user:a-password@127.0.0.1:{port}?tls=required");
    assert!(matches!(send_to(&url).await, Err(SendError::Unavailable(_))));
    let heard = heard.await.unwrap();
    for secret in ["AUTH", "ann@example.org", "Welcome", "a-password"] {
        assert!(!heard.contains(secret), "{secret}: {heard}");
    }
}

#[tokio::test]
async fn what_is_busy_is_waited_for_and_what_is_refused_is_tried_a_few_times() {
    let (port, _heard) = server(&[("RCPT", "451 come back later")]).await;
    let error = send_to(&format!("smtp://127.0.0.1:{port}")).await.unwrap_err();
    assert!(matches!(JobError::from(error), JobError::Wait(_)));
    let (port, _heard) = server(&[("RCPT", "550 nobody here")]).await;
    let error = send_to(&format!("smtp://127.0.0.1:{port}")).await.unwrap_err();
    assert!(matches!(JobError::from(error), JobError::Retry(_)));
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = closed.local_addr().unwrap().port();
    drop(closed);
    let error = send_to(&format!("smtp://127.0.0.1:{port}")).await.unwrap_err();
    assert!(matches!(JobError::from(error), JobError::Wait(_)));
}

/// It takes the connection and says nothing, or one character at a time, so that no single answer is late.
#[tokio::test]
async fn a_server_that_hangs_is_one_that_is_away() {
    for drips in [false, true] {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = tokio::spawn(async move {
            use tokio::io::AsyncWriteExt as _;
            let (mut stream, _) = listener.accept().await.unwrap();
            loop {
                if drips && stream.write_all(b"2").await.is_err() {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        });
        let config = Config::load(Sources {
            flags: vec![("mail.smtp_url".to_owned(), format!("smtp://127.0.0.1:{port}"))],
            ..Sources::default()
        })
        .unwrap();
        let mut mailer = Mailer::new(&config).unwrap();
        mailer.sent_within = Duration::from_millis(300);
        let email = EmailTemplates::from(&config).second_factor_enabled("ann@example.org".to_owned());
        let error = mailer.send(Uuid::from_u128(1), &email).await.unwrap_err();
        assert_eq!(
            error,
            SendError::Unavailable(Reason::Timeout),
            "waited for: {error}"
        );
        assert!(matches!(JobError::from(error), JobError::Wait(_)));
        server.abort();
    }
}
