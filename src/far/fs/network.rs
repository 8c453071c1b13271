//! File systems that several machines share, where locks and mapped memory do not hold what the store needs.

use std::path::Path;

/// The kernel's numbers of file systems, and what people call them.
#[cfg(target_os = "linux")]
const SHARED: [(u32, &str); 17] = [
    (0x6969, "NFS"),
    (0x517b, "SMB"),
    (0xff53_4d42, "CIFS"),
    (0xfe53_4d42, "SMB2"),
    (0x0102_1997, "9P"),
    (0x00c3_6400, "Ceph"),
    (0x0bd0_0bd0, "Lustre"),
    (0x4750_4653, "GPFS"),
    (0x5346_414f, "AFS"),
    (0x6b41_4653, "AFS"),
    (0x7375_7245, "Coda"),
    (0x0116_1970, "GFS2"),
    (0x7461_636f, "OCFS2"),
    (0x786f_4256, "a shared folder of VirtualBox"),
    (0x2003_0528, "OrangeFS"),
    (0x1983_0326, "BeeGFS"),
    (0x564c, "NCP"),
];
#[cfg(target_os = "linux")]
const FUSE: u32 = 0x6573_5546;

/// The name of the shared file system that `directory` lies on; `None` where it is a local one, or cannot be known.
#[cfg(target_os = "linux")]
pub(super) fn shared(directory: &Path) -> Option<String> {
    let kind = rustix::fs::statfs(directory).ok()?.f_type;
    // As wide as the kernel means it, whatever the type and the sign are on this machine.
    let kind = u32::try_from(kind & 0xffff_ffff).ok()?;
    if kind == FUSE {
        let mounts = std::fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
        return fuse(&mounts, directory);
    }
    named(kind)
}

/// Elsewhere nothing is known of file systems.
#[cfg(not(target_os = "linux"))]
pub(super) fn shared(_directory: &Path) -> Option<String> {
    None
}

#[cfg(target_os = "linux")]
fn named(kind: u32) -> Option<String> {
    let found = SHARED.iter().find(|(number, _)| *number == kind)?;
    Some(found.1.to_owned())
}

/// FUSE is refused unless it is known to be a local disk: most of what people mount through it is a server.
#[cfg(target_os = "linux")]
fn fuse(mounts: &str, directory: &Path) -> Option<String> {
    // "36 35 98:0 /root /mount/point options - type source options"
    let of_line = |line: &str| {
        let (left, right) = line.split_once(" - ")?;
        let point = left.split(' ').nth(4)?.replace("\\040", " ");
        let kind = right.split(' ').next()?.to_owned();
        directory.starts_with(&point).then_some((point.len(), kind))
    };
    // The longest mount point wins, and of two the later one lies on top.
    let mounted = mounts
        .lines()
        .filter_map(of_line)
        .max_by_key(|(len, _)| *len);
    let kind = mounted.map_or_else(|| "fuse".to_owned(), |(_, kind)| kind);
    match kind.as_str() {
        "fuseblk" | "fuse.fuse-overlayfs" | "fuse.virtiofs" => None,
        _ => Some(kind),
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn shared_file_systems_have_names_and_local_ones_have_none() {
        assert_eq!(named(0x6969).as_deref(), Some("NFS"));
        assert_eq!(named(0xfe53_4d42).as_deref(), Some("SMB2"));
        assert_eq!(named(0xef53), None, "ext4");
        assert_eq!(named(0x0102_1994), None, "tmpfs");
    }

    #[test]
    fn fuse_is_judged_by_what_is_mounted() {
        let mounts = "1 0 8:1 / / rw - ext4 /dev/a rw\n2 1 0:4 / /home/x rw shared:1 - fuse.sshfs host: rw\n\
                      3 1 0:5 / /mnt/a\\040b rw - fuseblk /dev/b rw\n";
        let at = |path: &str| fuse(mounts, Path::new(path));
        assert_eq!(at("/home/x/cache").as_deref(), Some("fuse.sshfs"));
        assert_eq!(at("/mnt/a b/cache"), None);
    }
}
