//~ path src/shop/text.ts
//~ from src/pages/home.ts
export const LIMIT: number = 3; //~ constant LIMIT
const router = express.Router(); //~ constant router
const fs = require("fs");

/** Makes a slug. */
export function slugify(title: string, most?: number): string { //~ function slugify doc="Makes a slug." signature="export function slugify(title: string, most?: number): string" import=`import { slugify } from "../shop/text";`
  return title.slice(0, most);
}

export function parse(text: string): Post; //~ function parse trivial
export function parse(text: Buffer): Post; //~ function parse trivial
export function parse(text: unknown): Post { //~ function parse
  return new Post(String(text));
}

declare function outside(text: string): void; //~ function outside trivial

export type Slug = string & { brand: "slug" }; //~ type Slug

export interface Store { //~ class Store
  size: number;
  get(key: string): string; //~ method Store.get trivial
}

export enum Kind { //~ class Kind
  One,
  Two,
}

export namespace Dates {
  export const EPOCH = 0; //~ constant Dates.EPOCH
  export function today(): Date { //~ function Dates.today
    return new Date();
  }
}

@Injectable()
export abstract class Post<T> extends Base<T> implements Store { //~ class Post decorators="Injectable()" import=`import { Post } from "../shop/text";`
  @Input() title: string = "";

  constructor(private readonly name: string, @Inject(X) x: X) { //~ method Post.constructor
    super();
  }

  abstract render(): string; //~ method Post.render trivial

  @memoize()
  public slug(): string { //~ method Post.slug decorators="memoize()"
    return slugify(this.title);
  }

  private hidden(): number { //~ method Post.hidden private
    return 1;
  }

  readonly onClick = (event: Event): void => { //~ method Post.onClick
    event.preventDefault();
  };
}

export const handlers = { //~ constant handlers
  open: (path: string) => path, //~ method handlers.open
  close() { //~ method handlers.close
    return 1;
  },
} as const;

export const useShop = <T,>(id: string): T => { //~ function useShop
  return find<T>(id);
};

class Page extends Post<string> { //~ class Page
  override render(): string { //~ method Page.render decorators="override"
    return this.title;
  }
}
