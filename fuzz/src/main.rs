//! Fuzzing without nightly: changes the bytes of the corpus at random for so many seconds, keeps what leads somewhere new,
//! and counts what each input takes of memory.
//!
//! `omnicache-fuzz SECONDS CORPUS [SEED]`

use omnicache_fuzz::{TARGETS, Target};
use std::alloc::{GlobalAlloc, Layout, System};
use std::collections::HashSet;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// Memory that an input may take: so many times its own size, and some more.
const WORTH: usize = 256;
const FREE: usize = 1 << 20;
/// Inputs are not made longer.
const LONGEST: usize = 4096;
const POPULATION: usize = 4096;

/// The system's memory, counted.
struct Counting;

static IN_USE: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

// SAFETY: all that is asked for is asked of the system, and its answers are handed on.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let now = IN_USE.fetch_add(layout.size(), Relaxed) + layout.size();
        PEAK.fetch_max(now, Relaxed);
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        IN_USE.fetch_sub(layout.size(), Relaxed);
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(ptr, layout) }
    }
}

#[global_allocator]
static MEMORY: Counting = Counting;

/// A generator of numbers (`SplitMix64`).
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end.max(1) as u64) as usize
    }
}

/// Changes `data` in one to eight places.
fn mutate(data: &mut Vec<u8>, other: &[u8], chance: &mut Chance) {
    const TELLING: [u64; 10] = [
        0,
        1,
        0x7f,
        0x80,
        0xff,
        0xffff,
        0x7fff_ffff,
        0xffff_ffff,
        1 << 40,
        u64::MAX,
    ];
    for _ in 0..=chance.below(8) {
        let at = chance.below(data.len() + 1);
        match chance.below(8) {
            0 if at < data.len() => data[at] ^= 1 << chance.below(8),
            1 if at < data.len() => data[at] = chance.next() as u8,
            2 => data.insert(at, chance.next() as u8),
            3 if at < data.len() => {
                let end = (at + 1 + chance.below(16)).min(data.len());
                data.drain(at..end);
            }
            4 => data.truncate(at),
            5 => {
                let number = TELLING[chance.below(TELLING.len())];
                let bytes = if chance.below(2) == 0 {
                    number.to_be_bytes()
                } else {
                    number.to_le_bytes()
                };
                let len = [1, 2, 4, 8][chance.below(4)];
                let bytes = if chance.below(2) == 0 {
                    &bytes[..len]
                } else {
                    &bytes[8 - len..]
                };
                for (place, byte) in data.iter_mut().skip(at).zip(bytes) {
                    *place = *byte;
                }
            }
            6 => {
                let from = chance.below(other.len() + 1);
                let end = (from + chance.below(64)).min(other.len());
                data.splice(at..at, other[from..end].iter().copied());
            }
            _ => {
                let end = (at + chance.below(32)).min(data.len());
                let part = data[at..end].to_vec();
                data.splice(at..at, part);
            }
        }
    }
    data.truncate(LONGEST);
}

/// Runs one input; what came of it, or why that is wrong.
fn run(target: Target, data: &[u8]) -> Result<String, String> {
    let before = IN_USE.load(Relaxed);
    PEAK.store(before, Relaxed);
    let outcome = catch_unwind(AssertUnwindSafe(|| target(data)));
    let took = PEAK.load(Relaxed).saturating_sub(before);
    match outcome {
        Err(_) => Err("it panicked".to_owned()),
        Ok(_) if took > FREE + WORTH * data.len() => Err(format!("it took {took} bytes of memory")),
        Ok(word) => Ok(word),
    }
}

/// Fuzzes one target; how many inputs and kinds of outcomes there were.
fn fuzz(
    name: &str,
    target: Target,
    corpus: &Path,
    time: Duration,
    chance: &mut Chance,
) -> Result<(u64, usize), String> {
    let failed = |data: &[u8], why: String| {
        let path = std::env::temp_dir().join(format!("omnicache-fuzz-{name}"));
        let kept = fs::write(&path, data).is_ok();
        let place = if kept {
            path.display().to_string()
        } else {
            format!("{data:?}")
        };
        format!("{name}: {why}; the input is {place}")
    };
    let mut inputs = vec![Vec::new()];
    for entry in fs::read_dir(corpus.join(name)).map_err(|error| format!("{name}: {error}"))? {
        inputs.push(
            fs::read(entry.map_err(|error| error.to_string())?.path())
                .map_err(|error| error.to_string())?,
        );
    }
    let mut seen = HashSet::new();
    for input in &inputs {
        seen.insert(run(target, input).map_err(|why| failed(input, why))?);
    }
    let (end, mut count) = (Instant::now() + time, 0);
    while Instant::now() < end {
        for _ in 0..256 {
            let mut data = inputs[chance.below(inputs.len())].clone();
            let other = inputs[chance.below(inputs.len())].clone();
            mutate(&mut data, &other, chance);
            let word = run(target, &data).map_err(|why| failed(&data, why))?;
            count += 1;
            // What leads to something new, and now and then what does not, is changed further.
            if seen.insert(word) || chance.below(1024) == 0 {
                if inputs.len() < POPULATION {
                    inputs.push(data);
                } else {
                    let at = chance.below(POPULATION);
                    inputs[at] = data;
                }
            }
        }
    }
    Ok((count, seen.len()))
}

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args().collect();
    let (Some(seconds), Some(corpus)) = (
        arguments.get(1).and_then(|it| it.parse::<f64>().ok()),
        arguments.get(2),
    ) else {
        eprintln!("omnicache-fuzz SECONDS CORPUS [SEED]");
        return ExitCode::from(2);
    };
    let now = || {
        std::time::UNIX_EPOCH
            .elapsed()
            .map_or(0, |since| since.as_nanos() as u64)
    };
    let seed = arguments
        .get(3)
        .and_then(|it| it.parse().ok())
        .unwrap_or_else(now);
    println!("seed {seed}");
    let mut chance = Chance(seed);
    let time = Duration::from_secs_f64(seconds / TARGETS.len() as f64);
    let mut code = ExitCode::SUCCESS;
    for (name, target) in TARGETS {
        match fuzz(name, target, Path::new(corpus), time, &mut chance) {
            Ok((count, kinds)) => println!("{name}: {count} inputs, {kinds} kinds of outcomes"),
            Err(why) => {
                eprintln!("{why}");
                code = ExitCode::FAILURE;
            }
        }
    }
    code
}
