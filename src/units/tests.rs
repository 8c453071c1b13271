//! What people write, what they must not, and that nothing panics.

use super::*;
use proptest::prelude::*;

#[test]
fn reads_what_people_write() {
    assert_eq!(parse_duration("90s"), Ok(90 * SECOND));
    assert_eq!(parse_duration(" 1h 30m "), Ok(5_400 * SECOND));
    assert_eq!(parse_duration("1.5h"), Ok(5_400 * SECOND));
    assert_eq!(parse_duration("0.1s"), Ok(SECOND / 10));
    assert_eq!(parse_size("64MiB"), Ok(64 << 20));
    assert_eq!(parse_size("1.5 gb"), Ok(1_500_000_000));
    assert_eq!(nanos_of_seconds(0.1), Ok(SECOND / 10));
    assert_eq!(nanos_of_seconds(1e-9), Ok(1));
}

#[test]
fn refuses_the_rest_with_a_hint() {
    for text in [
        "",
        " ",
        "s",
        "1",
        "1.5",
        "-1s",
        "1.s",
        ".5s",
        "1e3s",
        "30m1h",
        "1h1h",
        "1H",
        "5 parsecs",
        "1s,",
        "٣s",
    ] {
        assert!(
            matches!(parse_duration(text), Err(UnitError::NotADuration { .. })),
            "{text}"
        );
    }
    for text in ["", "64", "64M", "-1B", "1B1B", "KB", "1kkb", "1éb"] {
        assert!(
            matches!(parse_size(text), Err(UnitError::NotASize { .. })),
            "{text}"
        );
    }
    assert!(
        parse_duration("90")
            .unwrap_err()
            .to_string()
            .contains("\"90s\"")
    );
    assert!(
        parse_size("90")
            .unwrap_err()
            .to_string()
            .contains("\"90B\"")
    );
    assert!(matches!(parse_duration("0s"), Err(UnitError::NoTime(_))));
    assert!(matches!(
        parse_duration("101w999999999999999999d"),
        Err(UnitError::TooLong(_))
    ));
    assert!(matches!(parse_size("0.4B"), Err(UnitError::NoRoom(_))));
    assert!(matches!(
        parse_size("1025PiB"),
        Err(UnitError::OverLimit(..))
    ));
    assert!(matches!(nanos_of_seconds(0.0), Err(UnitError::NoTime(_))));
    assert!(matches!(
        nanos_of_seconds(-0.5),
        Err(UnitError::NegativeTime(_))
    ));
    assert!(matches!(
        nanos_of_seconds(1e-12),
        Err(UnitError::TooShort(_))
    ));
    assert!(matches!(
        nanos_of_seconds(1e300),
        Err(UnitError::TooLong(_))
    ));
    assert!(matches!(
        nanos_of_seconds(-1e300),
        Err(UnitError::NegativeTime(_))
    ));
    assert!(matches!(
        nanos_of_seconds(f64::NAN),
        Err(UnitError::NotADuration { .. })
    ));
}

proptest! {
    #[test]
    fn never_panics(text in "\\PC{0,24}", near in "[0-9.]{0,20} ?[wdhmsunkib]{0,3}[0-9]{0,2}[smB]{0,2}") {
        for text in [&text, &near] {
            if let Ok(nanos) = parse_duration(text) {
                prop_assert!((1..=MAX_NANOS).contains(&nanos));
            }
            if let Ok(bytes) = parse_size(text) {
                prop_assert!((1..=MAX_BYTES).contains(&bytes));
            }
        }
    }

    #[test]
    fn a_written_duration_reads_back(nanos in 1..MAX_NANOS) {
        let text = format!("{}s{}ns", nanos / SECOND, nanos % SECOND);
        prop_assert_eq!(parse_duration(&text), Ok(nanos));
    }

    #[test]
    fn seconds_stay_close(seconds in 1e-6..1e9_f64) {
        let nanos = nanos_of_seconds(seconds).unwrap();
        prop_assert!((seconds_of_nanos(nanos) - seconds).abs() <= seconds * 1e-14 + 1e-9);
    }
}
