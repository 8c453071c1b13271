#[path = "../benches/eviction/replay.rs"]
mod replay;
use omnicache::policy::TinyLfu;
#[test]
fn d() {
    for c in [1000u32] {
        let s = replay::Stream::new(
            (0..60 * u64::from(c)).map(|n| (1 << 40) / 2 + n % (u64::from(c) * 11 / 10)),
        );
        println!("{}", s.hit_ratio(c, &mut TinyLfu::default()));
    }
}
