//! Generated from `wit/sandbox.wit`. Private: the rest of the crate translates to the nouns of `exuvia-tool`.

wasmtime::component::bindgen!({
    path: "../../wit",
    world: "sandbox",
    imports: {
        "exuvia:sandbox/tools.call": async | trappable,
        "exuvia:sandbox/tools.search": async | trappable,
        "exuvia:sandbox/tools.start": trappable,
        "exuvia:sandbox/tools.wait": async | trappable,
        "exuvia:sandbox/tools.[method]pending-call.take": async | trappable,
        "exuvia:sandbox/tools.[method]pending-call.id": trappable,
        "exuvia:sandbox/tools.[drop]pending-call": trappable,
        "exuvia:sandbox/meter.next-slice": async | trappable,
        default: trappable,
    },
    exports: { default: async },
    // A script is not copied to be handed over.
    ownership: Borrowing { duplicate_if_necessary: false },
    with: { "exuvia:sandbox/tools.pending-call": crate::calls::PendingCall },
});
