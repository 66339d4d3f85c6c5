//! The fake server, so that this package's tests find it beside them.

fn main() -> std::process::ExitCode {
    exuvia_fake_upstream::main().into()
}
