//~ path include/shop/text.h
//~ from src/home.cpp
#ifndef SHOP_TEXT_H
#define SHOP_TEXT_H

namespace shop::text {

/// Reads and writes.
template <typename T>
class Text : public Base<T> { //~ class shop.text.Text doc="Reads and writes." import=`#include "shop/text.h"`
 public:
    explicit Text(int size) : size_{size} { load(); } //~ method shop.text.Text.Text
    ~Text(); //~ method shop.text.Text.~Text trivial
    Text(const Text&) = delete; //~ method shop.text.Text.Text trivial
    Text& operator=(const Text&) = default; //~ method shop.text.Text.operator= trivial

    /** Its length. */
    int size() const override { return size_; } //~ method shop.text.Text.size doc="Its length." signature="int size() const override"
    virtual void owed() = 0; //~ method shop.text.Text.owed trivial
    T& at(int i); //~ method shop.text.Text.at trivial
    operator bool() const { return size_ > 0; }

    template <class U>
    U get(U&& key, int d = 3) { //~ method shop.text.Text.get signature="template <class U> U get(U&& key, int d = 3)" import=`#include "shop/text.h"`
        struct Local { //~ class shop.text.Text.get.Local local
            int one() { return 1; } //~ method shop.text.Text.get.Local.one local
        };
        auto f = [this, &d](int z) { return z + d; };
        return f(1);
    }

    enum class Kind { one, two }; //~ class shop.text.Text.Kind

 private:
    int size_ = 0;
    void (*hook_)(int);
};

[[nodiscard]] int slugify(std::string title); //~ function shop.text.slugify trivial decorators="nodiscard" import=`#include "shop/text.h"`

}  // namespace shop::text

#endif
