import Foundation
import SwiftProtobuf

/// A CRI message inside of a record. It is kept in its binary form, which any later version of the CRI reads.
@propertyWrapper
public struct Coded<Message: SwiftProtobuf.Message & Sendable>: Codable, Sendable {
    public var wrappedValue: Message

    public init(wrappedValue: Message) { self.wrappedValue = wrappedValue }

    public init(from decoder: any Swift.Decoder) throws {
        wrappedValue = try Message(serializedBytes: try decoder.singleValueContainer().decode(Data.self))
    }

    public func encode(to encoder: any Swift.Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(try wrappedValue.serializedData() as Data)
    }
}
