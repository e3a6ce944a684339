//~ path src/main/java/com/shop/text/Text.java
//~ from src/main/java/com/shop/pages/Home.java
package com.shop.text;

import java.util.List;

/**
 * Reads and writes.
 */
@Service("text")
public final class Text<T> extends Base<T> implements Store { //~ class Text doc="Reads and writes." decorators=`Service("text")` signature="public final class Text<T> extends Base<T> implements Store" import="import com.shop.text.Text;"
    public static final int LIMIT = 3; //~ constant Text.LIMIT signature="public static final int LIMIT = 3"
    private int size;
    @Inject private Clock clock;

    public Text(int size) { //~ method Text.Text
        this.size = size;
    }

    /** Makes a slug. */
    // Really.
    @Deprecated
    public static String slugify(final String title, int most) throws Failure { //~ method Text.slugify doc="Makes a slug." decorators="Deprecated" signature="public static String slugify(final String title, int most) throws Failure" import="import com.shop.text.Text;"
        class Local { //~ class Text.slugify.Local local
            int one() { //~ method Text.slugify.Local.one local
                return 1;
            }
        }
        return title.substring(0, most);
    }

    @Override
    public String get(@NonNull String key) { //~ method Text.get decorators="Override"
        Runnable run = new Runnable() {
            @Override
            public void run() { //~ method Text.get.run local branch decorators="Override"
                load(key);
            }
        };
        return key;
    }

    synchronized void locked() { //~ method Text.locked decorators="synchronized"
        load();
    }

    private void hidden() {} //~ method Text.hidden trivial private

    void owed() { //~ method Text.owed trivial
        throw new UnsupportedOperationException("not written");
    }

    public enum Kind { //~ class Text.Kind
        ONE,
        TWO {
            int worth() { //~ method Text.Kind.TWO.worth
                return 2;
            }
        };

        int worth() { //~ method Text.Kind.worth
            return 1;
        }
    }

    interface Store { //~ class Text.Store
        int MOST = 40; //~ constant Text.Store.MOST

        String get(String key); //~ method Text.Store.get trivial

        default boolean has(String key) { //~ method Text.Store.has
            return get(key) != null;
        }
    }

    record Pair(int left, int right) { //~ class Text.Pair
        int sum() { //~ method Text.Pair.sum
            return left + right;
        }
    }

    @Test
    void slugs() { //~ method Text.slugs test decorators="Test"
        assertEquals(1, 1);
    }
}
