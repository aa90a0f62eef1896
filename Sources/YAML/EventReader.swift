import CYAML

/// One event of libyaml's parser, copied out of its memory.
struct YAMLEvent: Equatable {
    enum Kind: Equatable {
        case documentStart, documentEnd
        case scalar(YAMLScalar)
        case alias(String)
        case sequenceStart, sequenceEnd
        case mappingStart, mappingEnd
    }
    var kind: Kind
    var anchor: String?
    /// Counted from 1.
    var line: Int
}

/// Runs libyaml over a text and copies its events, so that no pointer of its outlives the call.
enum EventReader {
    /// - Parameter limit: how many events at most; each takes more memory than the byte or two it may stand for.
    static func events(of bytes: [UInt8], limit: Int) throws(YAMLError) -> [YAMLEvent] {
        var parser = unsafe yaml_parser_t()
        guard unsafe yaml_parser_initialize(&parser) == 1 else {
            throw YAMLError(line: 1, problem: "there is not enough memory to read it")
        }
        defer { unsafe yaml_parser_delete(&parser) }
        let result: Result<[YAMLEvent], YAMLError> = unsafe bytes.withUnsafeBufferPointer { buffer in
            // An empty array has no address, and libyaml asserts that there is one.
            guard let start = buffer.baseAddress else { return .success([]) }
            unsafe yaml_parser_set_input_string(&parser, start, buffer.count)
            return unsafe readAll(&parser, limit: limit)
        }
        return try result.get()
    }

    private static func readAll(_ parser: inout yaml_parser_t, limit: Int) -> Result<[YAMLEvent], YAMLError> {
        var events: [YAMLEvent] = []
        while true {
            var event = unsafe yaml_event_t()
            guard unsafe yaml_parser_parse(&parser, &event) == 1 else { return unsafe .failure(problem(of: parser)) }
            defer { unsafe yaml_event_delete(&event) }
            if unsafe event.type == YAML_STREAM_END_EVENT { return .success(events) }
            if let copied = unsafe copy(event) { events.append(copied) }
            if events.count > limit {
                return .failure(YAMLError(line: events[limit].line, problem: "there are too many values"))
            }
        }
    }

    private static func copy(_ event: yaml_event_t) -> YAMLEvent? {
        let line = unsafe Int(clamping: event.start_mark.line) + 1
        switch unsafe event.type {
        case YAML_DOCUMENT_START_EVENT: return YAMLEvent(kind: .documentStart, line: line)
        case YAML_DOCUMENT_END_EVENT: return YAMLEvent(kind: .documentEnd, line: line)
        case YAML_SEQUENCE_START_EVENT:
            return unsafe YAMLEvent(kind: .sequenceStart, anchor: text(event.data.sequence_start.anchor), line: line)
        case YAML_SEQUENCE_END_EVENT: return YAMLEvent(kind: .sequenceEnd, line: line)
        case YAML_MAPPING_START_EVENT:
            return unsafe YAMLEvent(kind: .mappingStart, anchor: text(event.data.mapping_start.anchor), line: line)
        case YAML_MAPPING_END_EVENT: return YAMLEvent(kind: .mappingEnd, line: line)
        case YAML_ALIAS_EVENT: return unsafe YAMLEvent(kind: .alias(text(event.data.alias.anchor) ?? ""), line: line)
        case YAML_SCALAR_EVENT:
            let scalar = unsafe event.data.scalar
            let content = unsafe scalar.value.map {
                unsafe String(decoding: UnsafeBufferPointer(start: $0, count: scalar.length), as: UTF8.self)
            }
            let value = unsafe YAMLScalar(
                text: content ?? "", isPlain: scalar.style == YAML_PLAIN_SCALAR_STYLE, tag: text(scalar.tag))
            return unsafe YAMLEvent(kind: .scalar(value), anchor: text(scalar.anchor), line: line)
        default: return nil
        }
    }

    private static func text(_ pointer: UnsafeMutablePointer<UInt8>?) -> String? {
        guard let pointer = unsafe pointer else { return nil }
        return unsafe String(cString: UnsafePointer(pointer))
    }

    private static func problem(of parser: yaml_parser_t) -> YAMLError {
        let what = unsafe parser.problem.map { unsafe String(cString: $0) } ?? "it is not YAML"
        let context = unsafe parser.context.map { unsafe " " + String(cString: $0) } ?? ""
        let line = unsafe max(parser.problem_mark.line, parser.context_mark.line)
        return YAMLError(line: Int(clamping: line) + 1, problem: what + context)
    }
}
