import Linux

/// A device node for a container, as a file describes it. What the file leaves out is the host's.
public struct DeviceNode: Sendable, Equatable {
    /// In the container.
    public var path: String
    /// On the host; nil for the same path.
    public var hostPath: String?
    /// `b`, `c`, `u` (the same as `c`) or `p`.
    public var type: String?
    /// 0 where the file does not say.
    public var major: Int64 = 0
    public var minor: Int64 = 0
    public var fileMode: UInt32?
    /// Of `r`, `w` and `m`; nil for all of them.
    public var permissions: String?
    /// Nil for the container's user, likewise the group.
    public var uid: UInt32?
    public var gid: UInt32?

    public init(path: String) { self.path = path }

    public var source: String { hostPath ?? path }

    /// The node with what its file leaves out. A node whose type and number the file gives need not be on the host.
    /// - Parameter host: what is at `source` on the host; nil where nothing that is a device is.
    /// - Throws: `CDIError.hostDevice` where the host lacks what the file leaves out, or has a device of another type.
    public func completed(by host: DeviceFile?) throws(CDIError) -> DeviceNode {
        var node = self
        let isWhole = type == "p" || (type != nil && major != 0)
        guard let host else {
            guard isWhole else {
                throw .hostDevice(path: path, reason: "the host has no device at \(source), and the file does not give type and major")
            }
            return node
        }
        node.fileMode = fileMode ?? host.mode
        if isWhole { return node }
        // `u` is the other name of a character device, mknod(1).
        guard type == nil || (type == "u" ? "c" : type) == host.type.rawValue else {
            throw .hostDevice(path: path, reason: "\(source) is of type \(host.type.rawValue), the file says \(type ?? "")")
        }
        node.type = type ?? host.type.rawValue
        if major == 0, host.type != .fifo { (node.major, node.minor) = (Int64(host.major), Int64(host.minor)) }
        return node
    }
}
