import NIOConcurrencyHelpers

/// A number that several threads count up.
final class Counter: Sendable {
    private let box = NIOLockedValueBox(0)
    var value: Int { box.withLockedValue { $0 } }

    /// Adds and gives the new value.
    @discardableResult
    func add(_ amount: Int = 1) -> Int {
        box.withLockedValue {
            $0 += amount
            return $0
        }
    }
}
