//! Who calls whom.

use std::collections::HashMap;

use anyhow::{Result, bail, ensure};
use wasmparser::{ElementItems, FuncType, Operator};

use super::paths;
use crate::merge::Module;

/// The graph of calls. Its nodes are the functions, by their index, and behind them one node for each type: an indirect call of
/// a type leads to that, and from there to every function of that type in the table.
pub(super) struct Calls<'m, 'a> {
    module: &'m Module<'a>,
    edges: Vec<Vec<usize>>,
    /// The node of each type, by the index of the type.
    types: Vec<usize>,
}

/// A function that is called from many places is not counted anew in each if a way through it is longer than this: it is
/// charged.
const LONGEST_UNCHARGED: u64 = 10_000;

impl<'m, 'a> Calls<'m, 'a> {
    /// Reads all bodies.
    ///
    /// # Errors
    ///
    /// The module is malformed, or calls in a way that is not known here.
    pub(super) fn of(module: &'m Module<'a>) -> Result<Self> {
        let functions = module.functions_in.len() + module.bodies.len();
        let mut known: HashMap<&FuncType, usize> = HashMap::new();
        let nodes = (functions..).zip(&module.types);
        let types = nodes.map(|(node, ty)| *known.entry(ty).or_insert(node)).collect();
        let mut calls = Self { module, edges: vec![Vec::new(); functions + module.types.len()], types };
        for (node, body) in (module.functions_in.len()..).zip(&module.bodies) {
            for operator in body.get_operators_reader()? {
                let operator = operator?;
                ensure!(
                    !matches!(operator, Operator::CallRef { .. } | Operator::ReturnCallRef { .. }),
                    "a call of a reference"
                );
                let called = calls.called(&operator);
                calls.edges[node].extend(called);
            }
        }
        for function in in_table(module)? {
            let ty = known[module.function_type(function)?];
            calls.edges[ty].push(function as usize);
        }
        for edges in &mut calls.edges {
            edges.sort_unstable();
            edges.dedup();
        }
        Ok(calls)
    }

    /// The node that an instruction calls.
    fn called(&self, operator: &Operator<'_>) -> Option<usize> {
        match operator {
            Operator::Call { function_index } | Operator::ReturnCall { function_index } => {
                Some(*function_index as usize)
            }
            Operator::CallIndirect { type_index, .. } | Operator::ReturnCallIndirect { type_index, .. } => {
                self.types.get(*type_index as usize).copied()
            }
            _ => None,
        }
    }

    /// Which functions have to be charged when they begin: those that may call themselves, directly or through others, and
    /// those through which there are long ways. Among the first are some that cannot: those that lie between two that can.
    ///
    /// # Errors
    ///
    /// The module is malformed.
    pub(super) fn to_charge(&self) -> Result<Vec<bool>> {
        let mut charged = self.recursive();
        let longest = self.ways(&mut charged, LONGEST_UNCHARGED)?;
        ensure!(longest.is_some(), "a cycle of calls that was not found");
        Ok(charged)
    }

    /// The most instructions that a single charge stands for, with these functions charged. None: in some cycle of calls
    /// nothing is charged.
    ///
    /// # Errors
    ///
    /// The module is malformed.
    pub(super) fn longest(&self, charged: &mut [bool]) -> Result<Option<u64>> {
        self.ways(charged, u64::MAX)
    }

    fn recursive(&self) -> Vec<bool> {
        let mut alive = vec![true; self.edges.len()];
        let mut backward = vec![Vec::new(); self.edges.len()];
        for (from, edges) in self.edges.iter().enumerate() {
            for &to in edges {
                backward[to].push(from);
            }
        }
        for edges in [&self.edges, &backward] {
            for node in leaves_first(edges, &alive) {
                alive[node] = false;
            }
        }
        alive.truncate(self.edges.len() - self.module.types.len());
        alive
    }

    /// Goes through the functions, those that are called first, and charges those with longer ways than `at_most`. The longest
    /// way: the call of a function that is charged counts nothing in it, and is counted where that function begins.
    fn ways(&self, charged: &mut [bool], at_most: u64) -> Result<Option<u64>> {
        let alive: Vec<bool> = (0..self.edges.len()).map(|node| charged.get(node) != Some(&true)).collect();
        let order = leaves_first(&self.edges, &alive);
        if order.len() < alive.iter().filter(|&&alive| alive).count() {
            return Ok(None);
        }
        let rest = (0..self.edges.len()).filter(|&node| !alive[node]);
        let (mut of_call, mut longest) = (vec![0_u64; self.edges.len()], 0);
        for node in order.into_iter().chain(rest) {
            let own = node.checked_sub(self.module.functions_in.len()).and_then(|own| self.module.bodies.get(own));
            let way = match own {
                Some(body) => paths::longest(body, |operator| self.called(operator).map_or(0, |node| of_call[node]))?,
                None => self.edges[node].iter().map(|&to| of_call[to]).max().unwrap_or(0),
            };
            longest = longest.max(way);
            if own.is_some() && way > at_most {
                charged[node] = true;
            }
            if charged.get(node) != Some(&true) {
                of_call[node] = way;
            }
        }
        Ok(Some(longest))
    }
}

/// The nodes that lead to no cycle, each behind those that it leads to. Edges to what is not alive do not count.
fn leaves_first(edges: &[Vec<usize>], alive: &[bool]) -> Vec<usize> {
    let mut backward = vec![Vec::new(); edges.len()];
    let mut open = vec![0_usize; edges.len()];
    for (from, edges) in edges.iter().enumerate().filter(|&(from, _)| alive[from]) {
        for &to in edges.iter().filter(|&&to| alive[to]) {
            backward[to].push(from);
            open[from] += 1;
        }
    }
    let mut order: Vec<usize> = (0..edges.len()).filter(|&node| alive[node] && open[node] == 0).collect();
    let mut next = 0;
    while let Some(&node) = order.get(next) {
        next += 1;
        for &from in &backward[node] {
            open[from] -= 1;
            if open[from] == 0 {
                order.push(from);
            }
        }
    }
    order
}

/// The functions in the table.
fn in_table(module: &Module<'_>) -> Result<Vec<u32>> {
    let mut found = Vec::new();
    for element in &module.elements {
        match &element.items {
            ElementItems::Functions(functions) => {
                for function in functions.clone() {
                    found.push(function?);
                }
            }
            ElementItems::Expressions(..) => bail!("an element segment of expressions"),
        }
    }
    Ok(found)
}
