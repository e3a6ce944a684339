//~ path Shop.Tests/TextTests.cs
class TextTests { int Helper() { return 1; } } //~ class TextTests test ~ method TextTests.Helper test
