// Texts of a person or of a file in the labels of lists.

/** A text in a label: `$(name)` would become an icon. */
export const plain = (text: string) => text.replaceAll('$(', '$\u200b(');
