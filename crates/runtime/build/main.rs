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
    // For other platforms the crate says that it refuses them, which a compiler that cannot compile for them must not come before.
    #[cfg(feature = "embedded-guest")]
    if env::var("CARGO_CFG_TARGET_POINTER_WIDTH").is_ok_and(|bits| bits == "64") {
        embed::guest(&target);
    }
}
