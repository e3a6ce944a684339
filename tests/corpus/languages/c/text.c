//~ path src/text.c
//~ from src/shop/home.c
/* Copyright: whoever wrote it. */

#include "text.h"

#define LIMIT 3 //~ constant LIMIT signature="#define LIMIT 3"
#define SQUARE(x) ((x) * (x)) //~ function SQUARE trivial signature="#define SQUARE(x) ((x) * (x))"
#define TEXT_TRACE

static const int most = 40; //~ constant most private
const char *const names[] = {"a", "b"}; //~ constant names
int counter = 0;
int (*hook)(int a);

typedef unsigned long size; //~ type size signature="typedef unsigned long size"
typedef int (*callback)(int a); //~ type callback
typedef struct node { //~ class node_t
    int value;
    int (*compare)(struct node *other);
} node_t;

enum color { RED, GREEN }; //~ class color
struct declared;

/* Declared elsewhere. */
char *owed(int a); //~ function owed trivial doc="Declared elsewhere."

/**
 * @brief Makes a slug.
 * @param title what to make it of
 */
char *slugify(const char *title, int most) //~ function slugify doc="Makes a slug." signature="char *slugify(const char *title, int most)" import="char *slugify(const char *title, int most);"
{
    struct local { int a; } it; //~ class slugify.local local
    int pair(int a);
    return cut(title, most + it.a);
}

// Nobody else calls it.
static int hidden(int a, int b) //~ function hidden private doc="Nobody else calls it." signature="static int hidden(int a, int b)" import=""
{
    return a + b;
}

void nothing(void) {} //~ function nothing trivial

__attribute__((noinline)) int marked(int a) { return a; } //~ function marked decorators="__attribute__((noinline))"

int old(a, b) //~ function old
    int a;
    char b;
{
    return a + b;
}

#ifdef _WIN32
int find(int a) { return a + 1; } //~ function find branch
#elif defined(__APPLE__)
int find(int a) { return a + 2; } //~ function find branch
#else
int find(int a) { return a + 3; } //~ function find branch
#endif

int test_slug(void) { return slugify("a", 1) == 0; } //~ function test_slug test
