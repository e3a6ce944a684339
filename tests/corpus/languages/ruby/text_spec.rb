#~ path spec/text_spec.rb
RSpec.describe Text do
  def helper(a) #~ function helper test local branch
    a + 1
  end

  it "cuts" do
    expect(helper(1)).to eq 2
  end
end
