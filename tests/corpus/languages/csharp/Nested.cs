namespace A.B
{
    namespace C
    {
        class D { int E() { return 1; } } //~ class A.B.C.D import="using A.B.C;" ~ method A.B.C.D.E
    }
    class F { } //~ class A.B.F
}
