//! Made streams: popularity, recency, loops, scans, and mixtures of these in time and in turn.

/// Keys of one part of a mixture start at a multiple of this, so that parts never share a key.
const APART: u64 = 1 << 40;

/// Reproducible randomness (xorshift64*).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    /// From 0 to 1.
    fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// Makes streams for a cache of one size.
pub(crate) struct Maker {
    random: Random,
    capacity: u64,
    base: u64,
}

/// A named stream.
pub(crate) type Named = (String, Vec<u64>);

impl Maker {
    /// Streams that try a cache of `capacity` entries.
    pub(crate) fn new(capacity: u32) -> Self {
        Self {
            random: Random(0x2B99_2DDF_A232_49D6),
            capacity: u64::from(capacity),
            base: 0,
        }
    }

    fn apart(&mut self) -> u64 {
        self.base += APART;
        self.base
    }

    /// Independent requests, the key of rank r with weight r^-skew, over twenty times the capacity.
    pub(crate) fn zipf(&mut self, skew: f64, requests: u64) -> Vec<u64> {
        let mut sum = 0.0;
        let sums: Vec<f64> = (1..=20 * self.capacity)
            .map(|rank| {
                sum += (rank as f64).powf(-skew);
                sum
            })
            .collect();
        (0..requests)
            .map(|_| {
                let at = self.random.unit() * sum;
                sums.partition_point(|&x| x < at) as u64
            })
            .collect()
    }

    /// Uniform requests within a range of `size` capacities that moves on by one key every four requests.
    pub(crate) fn slide(&mut self, size: f64, requests: u64) -> Vec<u64> {
        let base = self.apart();
        let range = ((size * self.capacity as f64) as u64).max(1);
        (0..requests)
            .map(|n| base + n / 4 + self.random.next() % range)
            .collect()
    }

    /// Repeats a request made some `size` capacities ago (exponential), or one time in twenty asks for a new key.
    pub(crate) fn stack(&mut self, size: f64, requests: u64) -> Vec<u64> {
        let base = self.apart();
        let mut keys: Vec<u64> = Vec::new();
        for n in 0..requests {
            let back = (-size * self.capacity as f64 * (1.0 - self.random.unit()).ln()) as usize;
            let fresh = back >= keys.len() || self.random.unit() < 0.05;
            keys.push(if fresh {
                base + n
            } else {
                keys[keys.len() - 1 - back]
            });
        }
        keys
    }

    /// The same `size` capacities of keys, over and over.
    pub(crate) fn looped(&mut self, size: f64, requests: u64) -> Vec<u64> {
        let range = ((size * self.capacity as f64) as u64).max(1);
        (0..requests).map(|n| APART / 2 + n % range).collect()
    }

    /// Keys that are never asked for again.
    pub(crate) fn scan(&mut self, requests: u64) -> Vec<u64> {
        let base = self.apart();
        (base..base + requests).collect()
    }

    /// Phases of `length` capacities each, by turns. `kinds` are the first letters of the makers.
    pub(crate) fn phases(&mut self, kinds: &str, length: u64, turns: u64) -> Vec<u64> {
        let requests = length * self.capacity;
        let mut keys = Vec::new();
        for kind in kinds.chars().cycle().take(turns as usize) {
            keys.extend(match kind {
                'z' => self.zipf(0.9, requests),
                's' => self.slide(0.8, requests),
                'r' => self.stack(1.0, requests),
                _ => self.looped(1.5, requests),
            });
        }
        keys
    }

    /// Every stream that does not change its nature.
    pub(crate) fn steady(&mut self) -> Vec<Named> {
        let n = (60 * self.capacity).max(60_000);
        let mut streams = Vec::new();
        for skew in [0.7, 0.9, 1.1] {
            streams.push((format!("zipf {skew}"), self.zipf(skew, n)));
        }
        for size in [0.5, 0.8, 1.0, 1.3, 2.0] {
            streams.push((format!("sliding range {size}"), self.slide(size, n)));
        }
        for size in [0.3, 1.0, 3.0] {
            streams.push((format!("stack distance {size}"), self.stack(size, n)));
        }
        for size in [1.1, 1.5, 3.0] {
            streams.push((format!("loop {size}"), self.looped(size, n)));
        }
        let zipf = |maker: &mut Self| maker.zipf(0.9, n / 2);
        let slide = |maker: &mut Self| maker.slide(0.5, n / 2);
        let stack = |maker: &mut Self| maker.stack(0.5, n / 2);
        let parts = (zipf(self), self.scan(n / 2));
        streams.push(("zipf + scan".into(), woven(parts)));
        let parts = (zipf(self), slide(self));
        streams.push(("zipf + sliding range".into(), woven(parts)));
        let parts = (self.looped(1.5, n / 2), slide(self));
        streams.push(("loop + sliding range".into(), woven(parts)));
        let parts = (self.looped(2.0, n / 2), stack(self));
        streams.push(("loop + stack distance".into(), woven(parts)));
        let parts = (self.scan(n / 2), stack(self));
        streams.push(("scan + stack distance".into(), woven(parts)));
        streams
    }

    /// Every stream that changes its nature, at several speeds.
    pub(crate) fn changing(&mut self) -> Vec<Named> {
        let mut streams = Vec::new();
        let kinds = [
            ("sz", "sliding/zipf"),
            ("sl", "sliding/loop"),
            ("zl", "zipf/loop"),
            ("rz", "stack/zipf"),
            ("rl", "stack/loop"),
            ("szl", "sliding/zipf/loop"),
        ];
        for length in [1, 5, 20, 100] {
            for (letters, name) in kinds {
                let turns = (60 / length).max(6);
                streams.push((
                    format!("{name}, each {length} x"),
                    self.phases(letters, length, turns),
                ));
            }
        }
        streams
    }
}

/// One request of each by turns.
fn woven((left, right): (Vec<u64>, Vec<u64>)) -> Vec<u64> {
    left.into_iter()
        .zip(right)
        .flat_map(|(a, b)| [a, b])
        .collect()
}
