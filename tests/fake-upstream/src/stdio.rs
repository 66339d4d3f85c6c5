//! Over standard input and output.

use std::io::BufRead;

use serde_json::Value;

use crate::options::{Options, Stop};
use crate::out::{Out, Stdout};
use crate::record;
use crate::server::{Flow, Server, forever};

/// Serves until its input closes. Gives the exit code.
pub(crate) fn run(options: Options) -> u8 {
    let server = Server::start(options);
    let options = &server.options;
    if options.garbage {
        Stdout.raw(b"Server listening on stdio!\n\xff\xfe not text\n{\"half\": \n[]\n42\n\n");
    }
    match options.at("start") {
        Some(Stop::Exit) => return 3,
        Some(Stop::Hang) => forever(),
        None => {}
    }
    for line in std::io::stdin().lock().lines() {
        let Ok(line) = line else { break };
        let Ok(message) = serde_json::from_str::<Value>(&line) else { continue };
        if let Some(file) = &options.record {
            record::append(file, &message, &line);
        }
        if let Flow::Exit(code) = server.take(&message, &mut Stdout) {
            return code;
        }
    }
    if options.stay {
        forever();
    }
    0
}
