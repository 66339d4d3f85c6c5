//! Answers that a well-behaved server would not give.

use std::io::Write;
use std::net::TcpStream;
use std::time::Duration;

use serde_json::Value;

use super::Connection;
use super::answer::is_gone;

/// Writes what the arguments of the tool `http` say, instead of an HTTP response.
pub(crate) fn write(arguments: &Value, stream: &mut TcpStream) -> Connection {
    let text = |name: &str| arguments.get(name).and_then(Value::as_str).unwrap_or_default();
    let number = |name: &str| arguments.get(name).and_then(Value::as_u64);
    let pause = || std::thread::sleep(Duration::from_millis(number("pause_ms").unwrap_or(0)));
    if stream.write_all(text("bytes").as_bytes()).is_err() {
        return Connection::Closed;
    }
    let (part, mut times) = (text("repeat"), number("times").unwrap_or(u64::MAX));
    while !part.is_empty() && times > 0 && stream.write_all(part.as_bytes()).is_ok() {
        times -= 1;
        pause();
    }
    while text("then") == "hang" && !is_gone(stream) {
        std::thread::sleep(Duration::from_millis(20));
    }
    Connection::Closed
}
