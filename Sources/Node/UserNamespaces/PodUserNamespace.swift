import CRI
import Linux

/// A pod's user namespace, as its request wants it: CRI, UserNamespace. One range of users and one of groups, each from 0 on.
struct PodUserNamespace: Sendable, Equatable {
    let uids: IDMap
    let gids: IDMap

    /// The least ids of the host that pods may be given; nil for any.
    struct Floor: Sendable, Equatable {
        var uid: UInt32?
        var gid: UInt32?
    }

    /// Reads a pod's or a container's `userns_options`.
    /// - Returns: nil where they are the host's, said so or not said.
    /// - Throws: `NodeError.invalidArgument` for what is no user namespace of a pod.
    static func requested(by options: Runtime_V1_NamespaceOption, floor: Floor = Floor()) throws(NodeError) -> PodUserNamespace? {
        guard options.hasUsernsOptions else { return nil }
        let wanted = options.usernsOptions
        switch wanted.mode {
        case .node:
            guard wanted.uids.isEmpty, wanted.gids.isEmpty else {
                throw .invalidArgument(
                    "userns_options: mode NODE is the host's user namespace, which takes no mappings: leave uids and gids out, or use mode POD")
            }
            return nil
        case .pod:
            return PodUserNamespace(
                uids: try map("uids", wanted.uids, least: floor.uid), gids: try map("gids", wanted.gids, least: floor.gid))
        case .container, .target:
            let name = wanted.mode == .container ? "CONTAINER" : "TARGET"
            throw .invalidArgument(
                "userns_options: the containers of a pod share its user namespace, so there is no mode \(name): use POD or NODE")
        case .UNRECOGNIZED(let value):
            throw .invalidArgument("userns_options: the mode \(value) is not known: use POD or NODE")
        }
    }

    private static func map(_ field: String, _ list: [Runtime_V1_IDMapping], least: UInt32?) throws(NodeError) -> IDMap {
        guard let mapping = list.first, list.count == 1 else {
            throw .invalidArgument("userns_options: mode POD takes exactly one mapping in \(field), and there are \(list.count)")
        }
        let map = IDMap(mapping)
        guard map.length > 0 else { throw .invalidArgument("userns_options: the mapping in \(field) has length 0: it maps no id") }
        guard map.containerID == 0 else {
            throw .invalidArgument(
                "userns_options: the mapping in \(field) begins at the container's id \(map.containerID): 0 must be mapped, so begin there")
        }
        guard map.hostID > 0 else {
            throw .invalidArgument(
                "userns_options: the mapping in \(field) gives the pod's 0 the host's 0, and with it what is root's: begin at another id of the host")
        }
        // The last number of 32 bits stands for no id.
        guard UInt64(map.hostID) + UInt64(map.length) - 1 < UInt64(UInt32.max) else {
            throw .invalidArgument(
                "userns_options: \(map.length) ids from \(map.hostID) on in \(field) go beyond the kernel's last, \(UInt32.max - 1)")
        }
        if let least, map.hostID < least {
            throw .invalidArgument(
                "userns_options: the mapping in \(field) begins at the host's id \(map.hostID), and minimum_mappable_\(field.dropLast()) is \(least)"
            )
        }
        return map
    }
}

// What has to fit the pod's user namespace.
extension PodUserNamespace {
    /// A container's options, which the kubelet sends again: they say the same as its pod's, or nothing.
    /// - Throws: `NodeError.invalidArgument`.
    static func check(container options: Runtime_V1_NamespaceOption, with pod: PodUserNamespace?) throws(NodeError) {
        guard options.hasUsernsOptions else { return }
        let container = try requested(by: options)
        guard container == pod else {
            throw .invalidArgument(
                "the container's userns_options are \(describe(container)), its pod's \(describe(pod)): send the pod's, or none")
        }
    }

    /// - Throws: `NodeError.invalidArgument` naming an id that a process would have and that is not mapped.
    func check(uid: UInt32, groups: [UInt32]) throws(NodeError) {
        for (kind, id, map) in [("user", uid, uids)] + groups.map({ ("group", $0, gids) }) where id >= map.length {
            throw .invalidArgument(
                "the container runs with the \(kind) \(id), and its pod's user namespace has those from 0 to \(map.length - 1): use one of them"
            )
        }
    }

    /// Whether a mount is to show owners shifted by its pod's user namespace.
    /// - Throws: `NodeError.invalidArgument` where it is mapped otherwise, or wants what a user namespace cannot do.
    static func shifts(_ mount: Runtime_V1_Mount, with pod: PodUserNamespace?) throws(NodeError) -> Bool {
        let mapped = !mount.uidMappings.isEmpty || !mount.gidMappings.isEmpty
        guard let pod else {
            guard !mapped else {
                throw .invalidArgument(
                    "the mount at \(mount.containerPath) has id mappings, and its pod the host's user namespace: leave them out")
            }
            return false
        }
        guard mount.propagation != .propagationBidirectional else {
            throw .invalidArgument(
                "the mount at \(mount.containerPath) has bidirectional propagation: what is mounted in a user namespace does not come to the host"
            )
        }
        guard !mapped || (mount.uidMappings.map(IDMap.init) == [pod.uids] && mount.gidMappings.map(IDMap.init) == [pod.gids]) else {
            throw .invalidArgument(
                "the mount at \(mount.containerPath) has other id mappings than its pod: send the pod's in uidMappings and gidMappings")
        }
        return mapped
    }

    /// `net.ipv4.ping_group_range` for the whole range, which is common, as far as groups are mapped: the kernel refuses others.
    func adjusted(sysctls: [String: String]) -> [String: String] {
        var sysctls = sysctls
        for key in ["net.ipv4.ping_group_range", "net/ipv4/ping_group_range"] {
            guard let range = sysctls[key]?.split(whereSeparator: \.isWhitespace).compactMap({ UInt32($0) }), range.count == 2 else { continue }
            if range[0] == 0, range[1] >= gids.length { sysctls[key] = "0 \(gids.length - 1)" }
        }
        return sysctls
    }

    private static func describe(_ namespace: PodUserNamespace?) -> String {
        guard let namespace else { return "the host's" }
        return "uids \(namespace.uids.text), gids \(namespace.gids.text)"
    }
}

extension IDMap {
    fileprivate var text: String { "\(containerID):\(hostID):\(length)" }
}
