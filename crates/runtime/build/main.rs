//! Compiles the guest component to native code, with the very settings under which it will run.

#![expect(clippy::print_stdout, reason = "a build script talks to cargo over standard output")]

use std::env;

#[cfg(feature = "embedded-guest")]
#[path = "../src/compile.rs"]
mod compile;
#[cfg(feature = "embedded-guest")]
mod embed;
#[cfg(feature = "embedded-guest")]
#[path = "../src/snapshot.rs"]
mod snapshot;

fn main() {
    println!("cargo:rerun-if-changed=build");
    let target = env::var("TARGET").expect("cargo sets TARGET");
    println!("cargo:rustc-env=EXUVIA_TARGET={target}");
    #[cfg(feature = "embedded-guest")]
    embed::guest(&target);
}
