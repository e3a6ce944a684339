//~ path src/shop/text.js
//~ from src/pages/home.js
import { lower } from "./lower";

export const LIMIT = 3; //~ constant LIMIT signature="export const LIMIT = 3" import=`import { LIMIT } from "../shop/text";`
const express = require("express");
let count = 0;

/**
 * Makes a slug.
 *
 * Twice.
 */
export function slugify(title, { most = 40 } = {}) { //~ function slugify doc="Makes a slug." signature="export function slugify(title, { most = 40 } = {})"
  return lower(title).slice(0, most);
}

// Saves it.
export const save = async (path, text) => { //~ function save doc="Saves it." signature="export const save = async (path, text)"
  function opened() { //~ function save.opened local
    return open(path);
  }
  return opened().write(text);
};

const double = function (x) { //~ function double
  return x * 2;
};

function* numbers() { //~ function numbers
  yield 1;
}

export class Post extends Base { //~ class Post signature="export class Post extends Base"
  #secret = 1;
  size = 5;

  constructor(title) { //~ method Post.constructor
    super();
    this.title = title;
  }

  static of(title) { //~ method Post.of
    return new Post(title);
  }

  get slug() { //~ method Post.slug
    return slugify(this.title);
  }

  set slug(value) { //~ method Post.slug
    this.title = value;
  }

  @logged("it")
  publish() { //~ method Post.publish decorators=`logged("it")`
    const Local = class { //~ class Post.publish.Local local
      inside() { //~ method Post.publish.Local.inside local
        return 1;
      }
    };
    return new Local();
  }

  // Bound to the post.
  onClick = (event) => { //~ method Post.onClick doc="Bound to the post."
    event.preventDefault();
  };

  empty() {} //~ method Post.empty trivial

  owed() { //~ method Post.owed trivial
    throw new Error("not written");
  }

  #hidden() { //~ method Post.#hidden private
    return 1;
  }
}

const shop = { //~ constant shop
  open() { //~ method shop.open
    return true;
  },
  close: function () { //~ method shop.close
    return false;
  },
  count: (items) => items.length, //~ method shop.count
  nested: {
    deep() { //~ method shop.nested.deep
      return 1;
    },
  },
  "not a name"() {
    function inside() {} //~ function shop.inside local branch trivial
  },
};

Legacy.prototype.render = function () { //~ method Legacy.render
  return this.node;
};

exports.helper = function helper(a) { //~ function helper
  return a + 1;
};

module.exports = function () {
  function unseen() { //~ function unseen local branch
    return 1;
  }
};

export default function () {
  return 1;
}

register({
  setup() { //~ method setup local branch
    return 1;
  },
});

items.forEach(function () {
  function each() { //~ function each local branch
    return 1;
  }
});

function _hidden() { //~ function _hidden private
  return 1;
}

if (WINDOWS) {
  function find() { //~ function find branch
    return 1;
  }
} else {
  function find() { //~ function find branch
    return 2;
  }
}

register(class {
  run() { //~ method run local branch
    return 1;
  }
});

class Shelf { //~ class Shelf
  [Symbol.iterator]() { //~ method Shelf.[Symbol.iterator]
    return this.books.values();
  }
  ["with spaces"]() {
    return 1;
  }
}

{
  function aside() { //~ function aside local branch
    return 1;
  }
}
