//! Compiles the guest component to native code, with the very settings under which it will run.

use std::path::PathBuf;
use std::{env, fs};

#[path = "src/compile.rs"]
mod compile;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=src/compile.rs");
    let target = env::var("TARGET").expect("cargo sets TARGET");
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));

    let config = compile::config(&target).expect("the settings are valid for this target");
    let engine = wasmtime::Engine::new(&config).expect("the settings agree with each other");
    let artifact = engine.precompile_component(exuvia_guest::COMPONENT).expect("the guest compiles");
    fs::write(out.join("guest.cwasm"), artifact).expect("OUT_DIR can be written");

    println!("cargo:rustc-env=EXUVIA_TARGET={target}");
    println!("cargo:rustc-env=EXUVIA_GUEST_DIGEST={}", exuvia_guest::DIGEST);
}
