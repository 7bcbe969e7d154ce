/// A pod's place on a network, as it is kept on disk: written before the first plugin runs, so that what it made can always
/// be taken down with the configuration that made it.
struct Attachment: Codable, Sendable, Equatable {
    var request: PodNetworkRequest
    var network: NetworkList
    /// The last plugin's result; nil while it is not known.
    var result: JSONValue?

    /// How it is named among the attachments that GC is told to keep. CNI specification 1.1, section 2, "GC".
    var reference: JSONValue { .object(["containerID": .string(request.podID), "ifname": .string(request.interface)]) }
}
