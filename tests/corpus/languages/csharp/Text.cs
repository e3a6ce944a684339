//~ path src/Shop/Text.cs
//~ from src/Pages/Home.cs
using System;

namespace Shop.Text;

/// <summary>
/// Reads and writes.
/// </summary>
[Serializable, Obsolete("old")]
public sealed class Text<T> : Base<T> where T : class { //~ class Shop.Text.Text doc="Reads and writes." decorators=`Serializable, Obsolete("old")` signature="public sealed class Text<T> : Base<T> where T : class" import="using Shop.Text;"
    public const int Limit = 3; //~ constant Shop.Text.Text.Limit signature="public const int Limit = 3"
    static readonly string Name = "a"; //~ constant Shop.Text.Text.Name
    private int size;

    public Text(int size) : base(size) { this.size = size; } //~ method Shop.Text.Text.Text

    /// <summary>Makes a slug.</summary>
    [Pure]
    public static string Slugify(string title, int most = 3) { //~ method Shop.Text.Text.Slugify doc="Makes a slug." decorators="Pure" signature="public static string Slugify(string title, int most = 3)" import="using Shop.Text;"
        int Local(int w) { return w; } //~ function Shop.Text.Text.Slugify.Local local
        return Cut(title, Local(most));
    }

    public override string ToString() => Slugify(name); //~ method Shop.Text.Text.ToString decorators="override" signature="public override string ToString()"
    public int Auto { get; set; }
    public int Twice => size * 2; //~ method Shop.Text.Text.Twice
    public int Size { //~ method Shop.Text.Text.Size signature="public int Size"
        get { return size; }
        set { size = value; }
    }
    private void Hidden() {} //~ method Shop.Text.Text.Hidden trivial private
    void Owed() { throw new NotImplementedException("later"); } //~ method Shop.Text.Text.Owed trivial
    public abstract void Declared([In] int a); //~ method Shop.Text.Text.Declared trivial
    delegate int Callback(int a); //~ type Shop.Text.Text.Callback

    [Fact]
    public void Slugs() { Assert.Equal(1, 1); } //~ method Shop.Text.Text.Slugs test decorators="Fact"
}

interface IStore { string Get(string key); } //~ class Shop.Text.IStore ~ method Shop.Text.IStore.Get trivial
record Pair(int Left, int Right); //~ class Shop.Text.Pair
enum Kind { One, Two } //~ class Shop.Text.Kind
partial struct Piece { int One() { return 1; } } //~ class Shop.Text.Piece decorators="partial" ~ method Shop.Text.Piece.One

#if UNITY
static class Found { static int F() { return 1; } } //~ class Shop.Text.Found branch ~ method Shop.Text.Found.F branch
#else
static class Found { static int F() { return 2; } } //~ class Shop.Text.Found branch ~ method Shop.Text.Found.F branch
#endif
