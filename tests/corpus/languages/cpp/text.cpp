//~ path src/text.cpp
constexpr int limit = 3; //~ constant limit
using Names = std::vector<std::string>; //~ type Names signature="using Names = std::vector<std::string>"

namespace {

// Cuts it.
std::string cut(const std::string& s) { //~ function cut doc="Cuts it."
    return s.substr(0, limit);
}

}  // namespace

Text::Text(int z) : z_(z) { load(); } //~ method Text.Text
shop::text::Text<int>::~Text() { unload(); } //~ method shop.text.Text.~Text
std::string& shop::Text<T>::name(int&& x, int (&arr)[3]) { //~ method shop.Text.name signature="std::string& shop::Text<T>::name(int&& x, int (&arr)[3])"
    std::string s(x);
    return s;
}
bool operator==(const Text& l, const Text& r) { return l.z == r.z; } //~ function operator==

extern "C" {
int plain(int a) { return a + 1; } //~ function plain
}

#if HAS_SPAN
int find(int a) { return a + 1; } //~ function find branch
#else
int find(int a) { return a + 2; } //~ function find branch
#endif

TEST(TextTest, Slugs) { EXPECT_EQ(1, 1); } //~ method TextTest.Slugs test decorators="TEST" signature="TEST(TextTest, Slugs)"
TEST_F(Fixture, Cuts) { EXPECT_EQ(1, 1); } //~ method Fixture.Cuts test decorators="TEST_F"
