import CRI
import Glibc

/// The ports of the host that a pod asks for. CRI, PortMapping.
enum PodPorts {
    /// Whether they can be mapped, as far as the request alone tells. A mapping without a port of the host is none.
    /// - Throws: `NodeError.invalidArgument` naming the mapping and what is wrong with it.
    static func check(_ mappings: [Runtime_V1_PortMapping]) throws(NodeError) {
        for mapping in mappings where mapping.hostPort != 0 {
            let name = "the pod's mapping of port \(mapping.hostPort) of the host to \(mapping.containerPort)"
            guard (1...65535).contains(mapping.hostPort) else { throw .invalidArgument("\(name): a port of the host is from 1 to 65535") }
            guard (1...65535).contains(mapping.containerPort) else {
                throw .invalidArgument("\(name): a container's port is from 1 to 65535")
            }
            if case .UNRECOGNIZED(let number) = mapping.protocol { throw .invalidArgument("\(name): the protocol \(number) is not known") }
            guard mapping.hostIp.isEmpty || isAddress(mapping.hostIp) else {
                throw .invalidArgument("\(name): '\(mapping.hostIp)' is no IP address")
            }
        }
    }

    private static func isAddress(_ text: String) -> Bool {
        var address = in6_addr()
        return [AF_INET, AF_INET6].contains { inet_pton($0, text, &address) == 1 }
    }
}
