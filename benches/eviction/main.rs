//! How good is eviction? Hit ratios on recorded traces, beside those of other caches, and on made streams.
//!
//! `cargo bench --bench eviction` prints both tables; without the traces only the second. Exits with 1 if LRU or LFU
//! is not exactly what it should be, or if W-TinyLFU misses its target on the traces.

mod replay;
mod synthetic;
mod traces;

use std::process::ExitCode;

use omnicache::policy::{Lfu, Lru, TinyLfu};
use replay::Stream;

/// Mean hit ratio / OPT that W-TinyLFU shall reach on the traces.
const TARGET: f64 = 0.86;
/// How far below LRU it may be on any trace.
const WORST: f64 = -0.04;
/// Anchors that are printed beside ours, and the head of their columns.
const OTHERS: [(&str, &str); 5] = [
    ("caffeine-3.x", "caffeine"),
    ("py-theine", "theine"),
    ("py-moka_py_tinylfu", "moka-py"),
    ("lirs", "lirs"),
    ("arc", "arc"),
];

fn main() -> ExitCode {
    let good = match traces::folder() {
        Some(folder) => recorded(folder),
        None => {
            println!(
                "No traces: set OMNICACHE_TRACES to their folder for the comparison with other caches.\n"
            );
            true
        }
    };
    made();
    if good {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn recorded(folder: std::path::PathBuf) -> bool {
    println!("Hit ratio in percent; ours are the columns tinylfu, lru, lfu (without ageing)\n");
    print!(
        "{:<12} {:>8} {:>8} {:>6} {:>6}",
        "trace", "entries", "tinylfu", "lru", "lfu"
    );
    OTHERS.iter().for_each(|(_, head)| print!(" {head:>8}"));
    println!(" {:>6} {:>8} {:>8}", "opt", "of opt", "to lru");
    let (mut cells, mut ours, mut worst, mut exact) = (0.0, 0.0, f64::MAX, true);
    let mut others = [0.0; OTHERS.len()];
    for trace in traces::all(folder) {
        for (capacity, anchors) in &trace.anchors {
            let anchor = |name: &str| anchors[name].as_f64().unwrap_or(f64::NAN);
            let tinylfu = trace.stream.hit_ratio(*capacity, &mut TinyLfu::default());
            let lru = trace.stream.hit_ratio(*capacity, &mut Lru::default());
            let lfu = trace.stream.hit_ratio(*capacity, &mut Lfu::new(false));
            let opt = anchor("opt");
            for (name, measured) in [("lru", lru), ("py-cachetools_lfu", lfu)] {
                if (anchor(name) - measured).abs() > 1e-6 {
                    println!(
                        "{} {capacity}: {measured:.6} is not {name}'s {:.6}",
                        trace.name,
                        anchor(name)
                    );
                    exact = false;
                }
            }
            print!("{:<12} {capacity:>8} {:>8.2}", trace.name, tinylfu * 100.0);
            print!(" {:>6.2} {:>6.2}", lru * 100.0, lfu * 100.0);
            for ((name, _), sum) in OTHERS.iter().zip(&mut others) {
                print!(" {:>8.2}", anchor(name) * 100.0);
                *sum += anchor(name) / opt;
            }
            println!(
                " {:>6.2} {:>8.3} {:>+8.2}",
                opt * 100.0,
                tinylfu / opt,
                (tinylfu - lru) * 100.0
            );
            cells += 1.0;
            ours += tinylfu / opt;
            worst = worst.min(tinylfu - lru);
        }
    }
    println!(
        "\nmean hit ratio / OPT over {cells} cells: {:.4} (at least {TARGET})",
        ours / cells
    );
    for ((_, head), sum) in OTHERS.iter().zip(others) {
        println!("    {head}: {:.4}", sum / cells);
    }
    println!(
        "worst gap to LRU: {:+.2} points (at least {:+.0})",
        worst * 100.0,
        WORST * 100.0
    );
    println!(
        "LRU and LFU equal the anchors to the sixth digit: {}\n",
        if exact { "yes" } else { "NO" }
    );
    exact && ours / cells >= TARGET && worst >= WORST
}

fn made() {
    println!(
        "Made streams: hit ratio in percent, and W-TinyLFU against the best of seven fixed windows\n"
    );
    println!(
        "{:<28} {:>8} {:>8} {:>6} {:>6} {:>6} {:>8} {:>8}",
        "stream", "entries", "tinylfu", "lru", "lfu", "opt", "to fixed", "to lru"
    );
    let (mut worst, mut worst_fixed, mut sum, mut count) = (f64::MAX, f64::MAX, 0.0, 0.0);
    for capacity in [100, 1_000, 5_000] {
        let mut maker = synthetic::Maker::new(capacity);
        let mut streams = maker.steady();
        if capacity <= 1_000 {
            streams.extend(maker.changing());
        }
        for (name, keys) in streams {
            let stream = Stream::new(keys);
            let tinylfu = stream.hit_ratio(capacity, &mut TinyLfu::default());
            let lru = stream.hit_ratio(capacity, &mut Lru::default());
            let lfu = stream.hit_ratio(capacity, &mut Lfu::new(false));
            let fixed = [1, 5, 20, 40, 60, 80, 95]
                .map(|percent| stream.hit_ratio(capacity, &mut TinyLfu::with_fixed_window(percent)))
                .into_iter()
                .fold(0.0, f64::max);
            println!(
                "{name:<28} {capacity:>8} {:>8.2} {:>6.2} {:>6.2} {:>6.2} {:>+8.2} {:>+8.2}",
                tinylfu * 100.0,
                lru * 100.0,
                lfu * 100.0,
                stream.best_hit_ratio(capacity) * 100.0,
                (tinylfu - fixed) * 100.0,
                (tinylfu - lru) * 100.0
            );
            worst = worst.min(tinylfu - lru);
            worst_fixed = worst_fixed.min(tinylfu - fixed);
            sum += tinylfu / fixed.max(1e-9);
            count += 1.0;
        }
    }
    println!(
        "\nmean hit ratio / that of the best fixed window: {:.4}",
        sum / count
    );
    println!(
        "worst gap to LRU: {:+.2} points; to the best fixed window: {:+.2}",
        worst * 100.0,
        worst_fixed * 100.0
    );
}
