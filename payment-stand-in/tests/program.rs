//! The program by itself, as the walks of the browser start it.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    process::{Command, Stdio},
};

#[test]
fn it_says_where_it_listens_lets_nobody_in_without_a_key_and_ends_with_its_input() {
    let mut program = Command::new(env!("CARGO_BIN_EXE_payment-stand-in"))
        .args(["127.0.0.1:0", "http://127.0.0.1:9/stripe/events"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut url = String::new();
    BufReader::new(program.stdout.take().unwrap())
        .read_line(&mut url)
        .unwrap();
    let address = url.trim().strip_prefix("http://").unwrap();
    let mut connection = TcpStream::connect(address).unwrap();
    let request =
        format!("GET /v1/subscriptions?customer=x HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
    connection.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).unwrap();
    assert!(
        answer.starts_with("HTTP/1.1 401") && answer.contains("invalid_api_key"),
        "{answer}"
    );
    drop(program.stdin.take());
    assert!(program.wait().unwrap().success());
}
