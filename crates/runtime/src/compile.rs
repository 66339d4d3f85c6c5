//! The settings that decide what native code looks like. Shared by the build script, which compiles the guest, and the
//! engine, which refuses code that was compiled under other settings.

use wasmtime::{Config, Result};

/// The part of x86-64-v2 (2009 and later) that Cranelift has switches for. A fixed baseline, so that an artifact runs on
/// other machines than the one that compiled it.
const X86_64_BASELINE: [&str; 5] = ["has_sse3", "has_ssse3", "has_sse41", "has_sse42", "has_popcnt"];

/// The settings for `target`, a target triple of Rust.
pub(crate) fn config(target: &str) -> Result<Config> {
    let mut config = Config::new();
    // Naming the target, even the host's own, keeps Cranelift from using whatever this machine's processor can do.
    config.target(target)?;
    if target.starts_with("x86_64") {
        for flag in X86_64_BASELINE {
            enable_flag(&mut config, flag);
        }
    }
    // The guest counts its own fuel, and says which of its branches are for that.
    config.wasm_branch_hinting(true);
    config.generate_address_map(false).native_unwind_info(false).wasm_backtrace_max_frames(None);
    // WebAssembly leaves the bits of NaN results open, and processors differ in them: without this, a script that looks at the sign or
    // the payload of one would come out differently elsewhere. It costs nothing that can be measured (`cargo bench --bench nan`).
    config.cranelift_nan_canonicalization(true);
    // What the guest does not use is off. The first is compiled in for componentize-py alone, and would cost each store.
    config.concurrency_support(false);
    config.wasm_threads(false).wasm_memory64(false).wasm_relaxed_simd(false);
    config.wasm_gc(false).wasm_function_references(false);
    Ok(config)
}

#[expect(unsafe_code, reason = "a flag of Cranelift, see SAFETY")]
fn enable_flag(config: &mut Config, flag: &str) {
    // SAFETY: the flags are the documented instruction sets of Cranelift's x86 backend. Code that uses them is refused
    // by wasmtime when it is loaded on a processor that lacks them.
    unsafe { config.cranelift_flag_enable(flag) };
}
