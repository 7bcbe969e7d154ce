import CRI
import Cgroups

/// All that a container's metrics are made of, as it was found at one moment.
struct ContainerFigures: Sendable {
    /// Nanoseconds since the epoch.
    var time: Int64 = 0
    var startedAt: Int64 = 0
    var usage = CgroupStatistics()
    var details = CgroupDetails()
    var processes = ProcessFigures()
    var disk = DiskFigures()
    /// The limits in force.
    var resources = Runtime_V1_LinuxContainerResources()
}

/// What a container's root file system takes, and the file system below it offers. Bytes.
struct DiskFigures: Sendable {
    var used: UInt64?
    var size: UInt64?
    var inodes: UInt64?
    var freeInodes: UInt64?
}
