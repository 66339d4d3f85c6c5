//! The program. What it does is in the library beside it.

use std::process::ExitCode;

fn main() -> ExitCode {
    exuvia::run(std::env::args_os())
}
