//! The fake server speaks. This test also has its executable built, for the tests of other packages.

use std::io::Write;
use std::process::{Command, Stdio};

#[test]
fn the_fake_server_answers_a_line_with_a_line() {
    let mut server =
        Command::new(exuvia_fake_upstream::program()).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    server.stdin.take().unwrap().write_all(b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}\n").unwrap();
    let output = server.wait_with_output().unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}\n");
    assert!(output.status.success());
    assert!(exuvia_fake_upstream::program().is_file());
}
