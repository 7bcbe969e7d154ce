/// Who makes cgroups, and so how they are named.
public enum CgroupDriver: String, Sendable, Codable {
    case cgroupfs, systemd
}

/// A parent that a pod asks for and that the driver cannot use.
public struct CgroupNameError: Error, Sendable, Equatable, CustomStringConvertible {
    public let description: String
}

/// Names of pods' and containers' cgroups, as the kubelet gives them and the OCI runtimes take them.
public struct CgroupNames: Sendable {
    public let driver: CgroupDriver
    /// What a container's cgroup is called before its id.
    public static let prefix = "swiftlet"

    public init(driver: CgroupDriver) { self.driver = driver }

    /// The pod's parent: a path with cgroupfs, the last part of a slice's name with systemd.
    /// - Parameter requested: the CRI's cgroup_parent; empty for the driver's own default.
    /// - Throws: `CgroupNameError` where it is not of the driver's form.
    public func parent(_ requested: String) throws(CgroupNameError) -> String {
        let last = requested.split(separator: "/").last.map(String.init) ?? ""
        switch driver {
        case .cgroupfs:
            guard !requested.hasSuffix(".slice") else {
                throw CgroupNameError(
                    description:
                        "the cgroup parent '\(requested)' is a systemd slice, and the cgroup manager is cgroupfs: set both sides to the same driver"
                )
            }
            guard !requested.split(separator: "/").contains("..") else {
                throw CgroupNameError(description: "the cgroup parent '\(requested)' leads out of itself")
            }
            return requested.isEmpty ? "/\(Self.prefix)" : requested.hasPrefix("/") ? requested : "/" + requested
        case .systemd:
            if requested.isEmpty { return "system.slice" }
            guard Self.isSlice(last) else {
                throw CgroupNameError(
                    description:
                        "the cgroup parent '\(requested)' is not a slice, and the cgroup manager is systemd: set both sides to the same driver"
                )
            }
            return last
        }
    }

    /// What the runtime's specification has as cgroupsPath.
    public func containerPath(parent: String, containerID: String) -> String {
        switch driver {
        case .cgroupfs: "\(parent == "/" ? "" : parent)/\(Self.prefix)-\(containerID)"
        case .systemd: "\(parent):\(Self.prefix):\(containerID)"
        }
    }

    /// The cgroup of a pod's init, beside those of its containers: a parent that has controllers takes no process itself.
    public func initPath(parent: String, podID: String) -> String { containerPath(parent: parent, containerID: podID) }

    /// The cgroup of a container's monitor.
    /// - Parameter parent: As for the container, or a slice that the configuration names.
    public func monitorPath(parent: String, containerID: String) -> String {
        switch driver {
        case .cgroupfs: "\(parent == "/" ? "" : parent)/\(Self.prefix)-conmon-\(containerID)"
        case .systemd: "\(parent):\(Self.prefix)-conmon:\(containerID)"
        }
    }

    /// The scope that a container's path stands for; nil where it is none of systemd's.
    public func scope(of path: String) -> String? {
        guard driver == .systemd, case let parts = path.split(separator: ":"), parts.count == 3 else { return nil }
        return "\(parts[1])-\(parts[2]).scope"
    }

    /// A parent and those above it, the deepest first. The hierarchy's root is not among them.
    public func lineage(ofParent parent: String) -> [String] {
        switch driver {
        case .cgroupfs:
            let parts = parent.split(separator: "/")
            return parts.indices.reversed().map { "/" + parts[...$0].joined(separator: "/") }
        case .systemd:
            return Self.expand(slice: parent).split(separator: "/").reversed().map(String.init)
        }
    }

    /// The path below the hierarchies of what `containerPath` names, or of a parent.
    public func fileSystemPath(_ path: String) -> String {
        guard driver == .systemd else { return path }
        let parts = path.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 3 else { return Self.expand(slice: path) }
        return "\(Self.expand(slice: parts[0]))/\(parts[1])-\(parts[2]).scope"
    }

    /// Whether the text can be a slice's name, systemd.unit(5).
    static func isSlice(_ text: String) -> Bool {
        let name = text.dropLast(".slice".count)
        guard text.hasSuffix(".slice"), !name.isEmpty, text.utf8.count < 256 else { return false }
        return text == "-.slice"
            || !name.split(separator: "-", omittingEmptySubsequences: false).contains { part in
                part.isEmpty || !part.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "_.:\\".contains($0)) }
            }
    }

    /// `a-b.slice` lies in `a.slice`: systemd.slice(5). The root slice is `-.slice`.
    static func expand(slice: String) -> String {
        guard slice.hasSuffix(".slice"), slice != "-.slice" else { return "" }
        let parts = slice.dropLast(6).split(separator: "-", omittingEmptySubsequences: false)
        return parts.indices.map { "/" + parts[...$0].joined(separator: "-") + ".slice" }.joined()
    }
}
