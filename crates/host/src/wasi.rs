//! Links the guest's imports, one interface at a time.

use wasmtime::Result;
use wasmtime::component::{HasData, Linker, ResourceTable};
use wasmtime_wasi::cli::{WasiCli, WasiCliCtxView};
use wasmtime_wasi::p2::bindings::{cli, clocks, filesystem, random, sockets};
use wasmtime_wasi::sockets::{WasiSockets, WasiSocketsCtxView};
use wasmtime_wasi_io::bindings::wasi::io;

use crate::bindings::Sandbox as World;
use crate::{Sandbox, SandboxView};

/// Names [`Sandbox`] as the data that the imports of this crate work on.
struct ByReference;

impl HasData for ByReference {
    type Data<'a> = &'a mut Sandbox;
}

/// Names the table of resources as the data that `wasi:io` works on.
struct Table;

impl HasData for Table {
    type Data<'a> = &'a mut ResourceTable;
}

/// Adds everything that the guest imports.
///
/// `wasi:filesystem` has the files of the run, or no directory, and `wasi:sockets` denies everything, so that Python meets an
/// `OSError` and not a trap; standard input is at its end; there is no environment and there are no arguments.
///
/// # Errors
///
/// One of the names is defined in `linker` already.
pub fn add_to_linker<T: SandboxView>(linker: &mut Linker<T>) -> Result<()> {
    World::add_to_linker::<T, ByReference>(linker, T::sandbox)?;
    streams(linker)?;
    time_and_chance(linker)?;
    process(linker)?;
    files(linker)?;
    no_network(linker)
}

fn streams<T: SandboxView>(l: &mut Linker<T>) -> Result<()> {
    io::error::add_to_linker::<T, Table>(l, table)?;
    io::poll::add_to_linker::<T, Table>(l, table)?;
    io::streams::add_to_linker::<T, Table>(l, table)
}

fn time_and_chance<T: SandboxView>(l: &mut Linker<T>) -> Result<()> {
    clocks::wall_clock::add_to_linker::<T, ByReference>(l, T::sandbox)?;
    clocks::monotonic_clock::add_to_linker::<T, ByReference>(l, T::sandbox)?;
    random::random::add_to_linker::<T, ByReference>(l, T::sandbox)?;
    random::insecure::add_to_linker::<T, ByReference>(l, T::sandbox)?;
    random::insecure_seed::add_to_linker::<T, ByReference>(l, T::sandbox)
}

fn process<T: SandboxView>(l: &mut Linker<T>) -> Result<()> {
    cli::exit::add_to_linker::<T, WasiCli>(l, cli_view)?;
    cli::environment::add_to_linker::<T, WasiCli>(l, cli_view)?;
    cli::stdin::add_to_linker::<T, WasiCli>(l, cli_view)?;
    cli::stdout::add_to_linker::<T, WasiCli>(l, cli_view)?;
    cli::stderr::add_to_linker::<T, WasiCli>(l, cli_view)?;
    cli::terminal_input::add_to_linker::<T, WasiCli>(l, cli_view)?;
    cli::terminal_output::add_to_linker::<T, WasiCli>(l, cli_view)?;
    cli::terminal_stdin::add_to_linker::<T, WasiCli>(l, cli_view)?;
    cli::terminal_stdout::add_to_linker::<T, WasiCli>(l, cli_view)?;
    cli::terminal_stderr::add_to_linker::<T, WasiCli>(l, cli_view)
}

fn files<T: SandboxView>(l: &mut Linker<T>) -> Result<()> {
    filesystem::preopens::add_to_linker::<T, ByReference>(l, T::sandbox)?;
    filesystem::types::add_to_linker::<T, ByReference>(l, T::sandbox)
}

fn no_network<T: SandboxView>(l: &mut Linker<T>) -> Result<()> {
    let options = sockets::network::LinkOptions::default();
    sockets::network::add_to_linker::<T, WasiSockets>(l, &options, sockets_view)?;
    sockets::instance_network::add_to_linker::<T, WasiSockets>(l, sockets_view)?;
    sockets::ip_name_lookup::add_to_linker::<T, WasiSockets>(l, sockets_view)?;
    sockets::tcp::add_to_linker::<T, WasiSockets>(l, sockets_view)?;
    sockets::tcp_create_socket::add_to_linker::<T, WasiSockets>(l, sockets_view)?;
    sockets::udp::add_to_linker::<T, WasiSockets>(l, sockets_view)?;
    sockets::udp_create_socket::add_to_linker::<T, WasiSockets>(l, sockets_view)
}

fn table<T: SandboxView>(data: &mut T) -> &mut ResourceTable {
    &mut data.sandbox().table
}

fn cli_view<T: SandboxView>(data: &mut T) -> WasiCliCtxView<'_> {
    let sandbox = data.sandbox();
    WasiCliCtxView { ctx: sandbox.wasi.cli(), table: &mut sandbox.table }
}

fn sockets_view<T: SandboxView>(data: &mut T) -> WasiSocketsCtxView<'_> {
    let sandbox = data.sandbox();
    WasiSocketsCtxView { ctx: sandbox.wasi.sockets(), table: &mut sandbox.table }
}
