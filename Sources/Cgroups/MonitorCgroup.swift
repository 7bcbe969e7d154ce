/// Where the monitors of containers run: each in a cgroup of its own, and never in the daemon's, with which it would be killed.
public enum MonitorCgroup: Sendable, Equatable {
    /// In that of the pod, beside its containers.
    case pod
    /// In a slice of systemd's.
    case slice(String)

    /// Reads `conmon_cgroup` and `monitor_cgroup`: `pod` or nothing for the pod's, or a slice where systemd makes the cgroups.
    /// - Throws: `CgroupNameError`.
    public init(_ text: String, driver: CgroupDriver) throws(CgroupNameError) {
        if text.isEmpty || text == "pod" {
            self = .pod
        } else if driver == .systemd, CgroupNames.isSlice(text) {
            self = .slice(text)
        } else {
            let form = driver == .systemd ? "'pod' or the name of a slice, such as system.slice" : "'pod' where the cgroup manager is cgroupfs"
            throw CgroupNameError(description: "the monitors' cgroup is '\(text)': it can be \(form)")
        }
    }

    /// The parent of a monitor's cgroup.
    public func parent(ofPod parent: String) -> String {
        switch self {
        case .pod: parent
        case .slice(let name): name
        }
    }
}
