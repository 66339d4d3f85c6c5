//! The compiled guest, for the program to embed.

use std::path::PathBuf;
use std::{env, fs};

use crate::{compile, snapshot};

/// More would make the component 4 % smaller, and take ten times as long.
const COMPRESSION_LEVEL: i32 = 9;

/// Compiles the guest for `target` and writes it where `src/artifact.rs` embeds it from.
pub(crate) fn guest(target: &str) {
    println!("cargo:rerun-if-changed=src/compile.rs");
    println!("cargo:rerun-if-changed=src/snapshot.rs");
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    let write = |name: &str, bytes: &[u8]| fs::write(out.join(name), bytes).expect("OUT_DIR can be written");
    println!("cargo:rustc-env=EXUVIA_GUEST_DIGEST={}", exuvia_guest::DIGEST);
    // docs.rs documents, runs nothing, and gives a build script no time to compile anything large.
    if env::var_os("DOCS_RS").is_some() {
        ["guest.cwasm", "guest.image", "guest.wasm.zst"].into_iter().for_each(|name| write(name, &[]));
        return;
    }

    let config = compile::config(target).expect("the settings are valid for this target");
    let engine = wasmtime::Engine::new(&config).expect("the settings agree with each other");
    let compiled = |component: &[u8]| engine.precompile_component(component).expect("the guest compiles");
    // Where the engine maps the snapshot itself, the code comes without it.
    if env::var("CARGO_CFG_TARGET_OS").is_ok_and(|system| system == "linux") {
        let guest = snapshot::split(exuvia_guest::COMPONENT).expect("the guest is one module with one memory");
        write("guest.cwasm", &compiled(&guest.component));
        write("guest.image", &guest.image);
    } else {
        write("guest.cwasm", &compiled(exuvia_guest::COMPONENT));
    }

    let component = zstd::bulk::compress(exuvia_guest::COMPONENT, COMPRESSION_LEVEL);
    write("guest.wasm.zst", &component.expect("zstd compresses anything"));
}
