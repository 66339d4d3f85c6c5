//! See the library of this package.

fn main() -> std::process::ExitCode {
    exuvia_fake_upstream::main().into()
}
