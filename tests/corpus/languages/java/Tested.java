//~ path src/test/java/com/shop/Slugs.java
class Slugs { //~ class Slugs test
    int helper() { //~ method Slugs.helper test
        return 1;
    }
}
