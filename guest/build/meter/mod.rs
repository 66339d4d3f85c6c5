//! Counts the guest's work inside the guest, so that fuel is the same on every engine.
//!
//! A pass over the merged module. It adds one global, the *balance*, which holds how much fuel is left of the slice that the
//! host gave last. What runs again and again is charged where it begins: each turn of a loop, each entry of a function that can
//! call itself, directly or through others, or through which there are long ways, and each bulk operation by its length. A
//! balance below zero calls the host's `meter.next-slice` (`wit/sandbox.wit`), which gives the next slice, or traps. No
//! instruction of the guest's own code can name the balance: WebAssembly has no way to a global but by its index, and the pass
//! finds none in use (Core specification 2.0, 4.4.5 Variable Instructions).
//!
//! - `weights`: what a turn or an entry costs;
//! - `calls`, `paths`: which functions can call themselves, and how much work one charge stands for;
//! - `emit`: the metered module; `verify`: a second look at it, which takes nothing from the first.

mod calls;
mod emit;
mod paths;
mod verify;
mod weights;

use anyhow::{Context, Result, ensure};

use crate::merge::{Module, Roles};

/// The import that gives slices, as the guest's libraries name it.
const NEXT_SLICE: (&str, &str) = ("exuvia:sandbox/meter@0.3.0", "next-slice");

/// The module, metered.
///
/// # Errors
///
/// It does not import `next-slice`, or something in it cannot be metered.
pub(crate) fn meter(module: &[u8], roles: &Roles) -> Result<Vec<u8>> {
    emit::emit(&Module::parse(module)?, module, roles, next_slice(roles)?)
}

/// Proves of a metered module that nothing in it escapes the meter.
///
/// # Errors
///
/// Something does.
pub(crate) fn verify(metered: &[u8], roles: &Roles) -> Result<()> {
    let most = verify::verify(&Module::parse(metered)?, roles, next_slice(roles)?)?;
    ensure!(most <= MOST_PER_CHARGE, "one charge stands for {most} instructions");
    Ok(())
}

fn next_slice(roles: &Roles) -> Result<u32> {
    let found = roles.imports.get(&(NEXT_SLICE.0.into(), NEXT_SLICE.1.into())).copied();
    found.with_context(|| format!("{} {} is not imported", NEXT_SLICE.0, NEXT_SLICE.1))
}

/// The most instructions that one charge may stand for.
const MOST_PER_CHARGE: u64 = 1_000_000;

/// The fuel that a guest may owe while the host allocates in its memory. The host's `realloc` and `post-return` calls must not
/// call imports (Component Model, Canonical ABI, `may_leave`), so no slice can be given meanwhile. What they consume
/// counts as soon as the guest goes on.
const WITHOUT_SLICE: i64 = 100_000_000;

/// How a bulk operation of `n` bytes is charged: `n >> 2`. Memory is copied at some 10 GB/s, and a second is about 2 billion
/// units.
const BYTES_SHIFT: i64 = 2;

/// How growing memory by `n` pages is charged: `n << 12`. A page of 64 KiB costs 16 faults of the kernel's pages, of some 0.1
/// µs each.
const PAGES_SHIFT: i64 = 12;
