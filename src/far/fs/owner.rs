//! Who a process is, and whether it lives: its number alone may have been given to another one since.

use super::lease::Owner;
use std::fs;
use std::os::unix::fs::MetadataExt;

impl Owner {
    /// This process, with a number of its own choice.
    pub fn this(number: u64) -> Self {
        let pid = std::process::id();
        Self {
            pid,
            start: start(pid).unwrap_or(0),
            namespace: namespace(),
            number,
        }
    }
}

/// Whether the process of `owner` lives, as far as this one can see.
pub(super) fn is_alive(owner: &Owner) -> bool {
    // A process of another container cannot be seen from here; it has until its deadline.
    if owner.namespace != namespace() || owner.start == 0 {
        return true;
    }
    start(owner.pid) == Some(owner.start)
}

/// When a process was started, in ticks since the start of the machine; `None` if there is none, or it only waits to be
/// collected by its parent.
fn start(pid: u32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // "number (name) state ...", and the name may hold anything, brackets too.
    let mut fields = stat.rsplit_once(')')?.1.split_ascii_whitespace();
    let state = fields.next()?;
    if matches!(state, "Z" | "X") {
        return None;
    }
    fields.nth(18)?.parse().ok()
}

/// The namespace of process numbers; 0 where the system does not tell.
fn namespace() -> u64 {
    fs::metadata("/proc/self/ns/pid").map_or(0, |found| found.ino())
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn this_process_lives_and_one_that_ended_does_not() {
        let this = Owner::this(1);
        assert!(this.start > 0);
        assert!(is_alive(&this));
        assert!(
            !is_alive(&Owner {
                start: this.start - 1,
                ..this
            }),
            "another with the same number"
        );
        let mut child = std::process::Command::new("true").spawn().unwrap();
        let pid = child.id();
        let owner = Owner {
            pid,
            start: start(pid).unwrap_or(1),
            ..this
        };
        child.wait().unwrap();
        assert!(!is_alive(&owner));
    }

    #[test]
    fn one_of_another_namespace_is_given_its_time() {
        let this = Owner::this(1);
        assert!(is_alive(&Owner {
            namespace: this.namespace + 1,
            start: 1,
            ..this
        }));
    }
}
