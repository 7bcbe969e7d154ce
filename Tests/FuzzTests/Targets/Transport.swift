import CRI
import NIOCore
import NIOHPACK
import SwiftProtobuf

@testable import Transport

extension FuzzTarget {
    static let transport: [FuzzTarget] = [
        FuzzTarget("grpc-messages", limit: 16 << 10) { input in
            var decoder = MessageDecoder(limit: 1 << 10)
            var steering = Steering(input)
            while steering.hasMore {
                decoder.append(ByteBuffer(bytes: steering.take(1 + Int(steering.byte()))))
                while let message = try decoder.next() {
                    hold(message.readableBytes <= 1 << 10, "a message of \(message.readableBytes) bytes passed")
                }
            }
        },
        FuzzTarget("grpc-head") { input in
            var headers = HPACKHeaders()
            for line in input.split(separator: 10, omittingEmptySubsequences: true) {
                let parts = line.split(separator: 32, maxSplits: 1, omittingEmptySubsequences: false).map { String(decoding: $0, as: UTF8.self) }
                // What the wire may have and NIO's own call refuses: its decoder lets no such name pass.
                guard parts[0].utf8.allSatisfy({ $0 < 0x80 }) else { continue }
                headers.add(name: parts[0], value: parts.count > 1 ? parts[1] : "")
            }
            _ = try RequestHead(headers, known: [:])
        },
        FuzzTarget("cri-requests") { input in
            let bytes = Array(input.dropFirst())
            switch input.first.map({ $0 % 3 }) {
            case 0?: _ = try Runtime_V1_RunPodSandboxRequest(serializedBytes: bytes)
            case 1?: _ = try Runtime_V1_CreateContainerRequest(serializedBytes: bytes)
            default: _ = try Runtime_V1_UpdateContainerResourcesRequest(serializedBytes: bytes)
            }
        },
    ]
}
