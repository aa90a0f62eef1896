/// How long an order that is under way is not worth a word.
enum OrderPatience {
    /// An order by itself is done within this time, or is told of.
    static let alone = Duration.seconds(3)
    /// The same of one among many, which may well take longer without anything being wrong.
    static let amongMany = Duration.seconds(30)
    /// So many orders under way at one issuer are many.
    static let many = 20
}
