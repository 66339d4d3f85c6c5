//! Inputs made of other inputs.

/// The longest input. Limits of size have tests of their own.
pub(crate) const MAX_BYTES: usize = 16 << 10;
/// The longest part that one step takes out, repeats or replaces.
const PART_BYTES: usize = 64;
/// The most steps from one input to the next.
const STEPS: usize = 12;

/// Numbers that look random and are the same for the same seed: xorshift.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).max(1))
    }

    /// A number below this one; 0 if there is none.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        if end == 0 { 0 } else { (self.0 >> 11) as usize % end }
    }

    pub(crate) fn one_of<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.below(all.len())]
    }
}

/// Cuts, repeats and swaps in `data`, and puts `scraps`, bytes, and parts of `other` into it.
pub(crate) fn mutate(data: &[u8], other: &[u8], scraps: &[&str], random: &mut Random) -> Vec<u8> {
    let begin = random.below(data.len().saturating_sub(MAX_BYTES) + 1);
    let mut data = data[begin..data.len().min(begin + MAX_BYTES)].to_vec();
    for _ in 0..=random.below(STEPS) {
        let from = random.below(data.len() + 1);
        let to = from + random.below(PART_BYTES).min(data.len() - from);
        match random.below(7) {
            0 => drop(data.drain(from..to)),
            1 => {
                let part = data[from..to].repeat(1 + random.below(30));
                data.splice(from..from, part);
            }
            2 => {
                let begin = random.below(other.len() + 1);
                let end = (begin + random.below(PART_BYTES)).min(other.len());
                data.splice(from..to, other[begin..end].iter().copied());
            }
            3 => drop(data.splice(from..from, [random.below(256) as u8])),
            4 => data.get_mut(from).into_iter().for_each(|byte| *byte ^= 1 << random.below(8)),
            _ if scraps.is_empty() => {}
            _ => drop(data.splice(from..from, random.one_of(scraps).bytes())),
        }
    }
    data.truncate(MAX_BYTES);
    data
}
