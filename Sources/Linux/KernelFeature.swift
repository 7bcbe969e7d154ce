import Glibc

/// What Swiftlet uses of kernels newer than the oldest one that it runs on (5.14), and does without where it is missing.
///
/// Each is probed where it is used. So that the way without it is tested on any kernel, `SWIFTLET_KERNEL_WITHOUT`, a list
/// of names with commas between them in the daemon's environment, makes the probes answer as an older kernel does.
public enum KernelFeature: String, CaseIterable, Sendable {
    /// Linux 6.8: an overlay's layers are given one at a time, fsconfig(2) "lowerdir+".
    case overlayLayersOneByOne = "overlay-lowerdir+"
    /// Linux 5.19: an overlay takes ID-mapped mounts for layers.
    case overlayOnShiftedLayers = "overlay-idmap"
    /// Linux 5.10: an overlay that does not wait for the disk, the mount option "volatile".
    case volatileOverlay = "overlay-volatile"

    /// Whether a test wants it to be missing.
    public var isWithheld: Bool { Self.withheld.contains(rawValue) }

    private static let withheld: Set<String> = {
        let names = getenv("SWIFTLET_KERNEL_WITHOUT").map { String(cString: $0) } ?? ""
        return Set(names.split(separator: ",").map(String.init))
    }()
}
